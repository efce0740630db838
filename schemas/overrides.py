"""What readers judged: readings of the toolkit that are wrong, so that no rebuild brings them back."""

from __future__ import annotations

import pyarrow as pa

from schemas.base import Column, ForeignKey, TableSpec, matches, not_blank, one_of
from schemas.vocab import Kind, Target

OVERRIDES = TableSpec(
    name="overrides",
    version=2,
    meaning="readings that people judged wrong, by the words that were read and those beside them",
    columns=(
        Column(name="override_id", type=pa.string(), meaning="<video_id>-o<number>"),
        Column(name="video_id", type=pa.string(), meaning="source video"),
        Column(name="target", type=pa.string(), meaning="what was judged"),
        Column(
            name="kind",
            type=pa.string(),
            meaning="kind of the attribute; null for edits and narrations",
            nullable=True,
        ),
        Column(
            name="before", type=pa.string(), meaning="up to two words before those that were read"
        ),
        Column(
            name="surface",
            type=pa.string(),
            meaning="the words that were read, folded: of a narration, all of text_asr",
        ),
        Column(
            name="after", type=pa.string(), meaning="up to two words after those that were read"
        ),
        Column(
            name="value",
            type=pa.string(),
            meaning="the wrong reading: an edit's words, an attribute's label with 'no' or 'if' where it "
            "is negated or hypothetical, how a narration was read",
        ),
    ),
    primary_key=("override_id",),
    foreign_keys=(ForeignKey(column="video_id", parent="videos", parent_column="video_id"),),
    rules=(
        matches("override_id"),
        one_of("target", list(Target)),
        one_of("kind", list(Kind)),
        not_blank("surface"),
    ),
)
