"""Narrations: sentences of the transcript, merged and capped to the length of a clip."""

from __future__ import annotations

import pyarrow as pa

from schemas.base import Column, ForeignKey, TableSpec, matches, not_blank, span, within

EDIT = pa.struct(
    [
        pa.field("start", pa.int64()),
        pa.field("end", pa.int64()),
        pa.field("from", pa.string()),
        pa.field("to", pa.string()),
        pa.field("rule", pa.string()),
        pa.field("score", pa.float64()),
    ]
)
"""`text_asr[start:end]` was `from` and became `to`."""

NARRATIONS = TableSpec(
    name="narrations",
    version=2,
    meaning="narrations with the time span of their clip",
    columns=(
        Column(name="narration_id", type=pa.string(), meaning="<video_id>-n<number>"),
        Column(name="video_id", type=pa.string(), meaning="source video"),
        Column(name="start_s", type=pa.float64(), meaning="start of the clip", unit="s"),
        Column(name="end_s", type=pa.float64(), meaning="end, not included", unit="s"),
        Column(name="text_asr", type=pa.string(), meaning="text as recognised"),
        Column(
            name="text",
            type=pa.string(),
            meaning="text for training: as recognised, corrected and without disfluencies",
        ),
        Column(
            name="edits",
            type=pa.list_(EDIT),
            meaning="all that was changed in text_asr to make text, in order; leave one out to undo it",
        ),
        Column(
            name="descriptive_score",
            type=pa.float64(),
            meaning="how far it describes what is done and seen in the eye, 0 to 1",
        ),
        Column(
            name="confidence", type=pa.float64(), meaning="mean probability of its words, 0 to 1"
        ),
    ),
    primary_key=("narration_id",),
    foreign_keys=(ForeignKey(column="video_id", parent="videos", parent_column="video_id"),),
    rules=(
        matches("narration_id"),
        span(),
        not_blank("text"),
        within("descriptive_score", 0.0, 1.0),
        within("confidence", 0.0, 1.0),
    ),
)
