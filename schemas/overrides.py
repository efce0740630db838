"""What readers judged: readings of the toolkit that are wrong, so that no rebuild brings them back."""

from __future__ import annotations

import pyarrow as pa

from schemas.base import Column, ForeignKey, TableSpec, matches, not_blank, one_of
from schemas.vocab import Kind, Target

OVERRIDES = TableSpec(
    name="overrides",
    version=1,
    meaning="readings that people judged wrong, by the text that they judged",
    columns=(
        Column(name="override_id", type=pa.string(), meaning="<video_id>-o<number>"),
        Column(name="video_id", type=pa.string(), meaning="source video"),
        Column(name="target", type=pa.string(), meaning="what was judged"),
        Column(
            name="text",
            type=pa.string(),
            meaning="the text it was read from: text_asr for edits and narrations, text for attributes",
        ),
        Column(
            name="kind",
            type=pa.string(),
            meaning="kind of the attribute; null for edits and narrations",
            nullable=True,
        ),
        Column(
            name="start",
            type=pa.int64(),
            meaning="first character; null for narrations",
            unit="characters",
            nullable=True,
        ),
        Column(
            name="end",
            type=pa.int64(),
            meaning="end, not included; null for narrations",
            unit="characters",
            nullable=True,
        ),
        Column(
            name="value",
            type=pa.string(),
            meaning="the wrong reading: an edit's words, an attribute's label, how a narration was read",
        ),
    ),
    primary_key=("override_id",),
    foreign_keys=(ForeignKey(column="video_id", parent="videos", parent_column="video_id"),),
    rules=(
        matches("override_id"),
        one_of("target", list(Target)),
        one_of("kind", list(Kind)),
        not_blank("text"),
    ),
)
