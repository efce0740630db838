"""What the recogniser heard, segment by segment, with word times."""

from __future__ import annotations

import pyarrow as pa

from schemas.base import Column, ForeignKey, TableSpec, matches, span, within
from schemas.guards import GUARD_MEANINGS, GUARDS

__all__ = ["GUARDS", "TRANSCRIPTS", "WORD"]

WORD = pa.struct(
    [
        pa.field("word", pa.string()),
        pa.field("start_s", pa.float64()),
        pa.field("end_s", pa.float64()),
        pa.field("probability", pa.float64()),
        pa.field("interpolated", pa.bool_()),
    ]
)

TRANSCRIPTS = TableSpec(
    name="transcripts",
    version=2,
    meaning="transcript segments with words, as recognised",
    columns=(
        Column(name="segment_id", type=pa.string(), meaning="<video_id>-s<number>"),
        Column(name="video_id", type=pa.string(), meaning="source video"),
        Column(name="start_s", type=pa.float64(), meaning="start of the segment", unit="s"),
        Column(name="end_s", type=pa.float64(), meaning="end, not included", unit="s"),
        Column(name="text", type=pa.string(), meaning="text of the segment"),
        Column(
            name="words",
            type=pa.list_(WORD),
            meaning="words with times in s and probability; interpolated where the recogniser gave no time",
        ),
        Column(
            name="avg_logprob",
            type=pa.float64(),
            meaning="mean log probability of the tokens of the window it was heard in",
            unit="nat",
        ),
        Column(
            name="no_speech_prob",
            type=pa.float64(),
            meaning="probability that there is no speech in that window",
        ),
        Column(
            name="compression_ratio",
            type=pa.float64(),
            meaning="bytes of that window's text by its compressed bytes; high for loops",
        ),
        *(Column(name=g, type=pa.bool_(), meaning=f"flag: {m}") for g, m in GUARD_MEANINGS.items()),
        Column(name="language", type=pa.string(), meaning="ISO 639-1 code of the text"),
        Column(name="recogniser", type=pa.string(), meaning="faster-whisper or openai-whisper"),
        Column(name="model", type=pa.string(), meaning="name of the weights"),
        Column(name="model_sha256", type=pa.string(), meaning="hash of the weights file"),
    ),
    primary_key=("segment_id",),
    foreign_keys=(ForeignKey(column="video_id", parent="videos", parent_column="video_id"),),
    rules=(
        matches("segment_id"),
        span(),
        within("avg_logprob", None, 0.0),
        within("no_speech_prob", 0.0, 1.0),
        within("compression_ratio", 0.0),
    ),
)
