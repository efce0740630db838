"""How much is said in a video, and in which language. The route follows from it in `pair`."""

from __future__ import annotations

import pyarrow as pa

from schemas.base import Column, ForeignKey, TableSpec, within

SPEECH = TableSpec(
    name="speech",
    version=1,
    meaning="how much is said in each video",
    columns=(
        Column(name="video_id", type=pa.string(), meaning="source video"),
        Column(name="speech_s", type=pa.float64(), meaning="seconds with voice activity", unit="s"),
        Column(name="speech_ratio", type=pa.float64(), meaning="speech_s by duration"),
        Column(
            name="words_per_minute", type=pa.float64(), meaning="words by duration", unit="1/min"
        ),
        Column(
            name="language",
            type=pa.string(),
            meaning="ISO 639-1 code; null without speech",
            nullable=True,
        ),
        Column(
            name="language_probability",
            type=pa.float64(),
            meaning="how sure the language is",
            nullable=True,
        ),
    ),
    primary_key=("video_id",),
    foreign_keys=(ForeignKey(column="video_id", parent="videos", parent_column="video_id"),),
    rules=(
        within("speech_s", 0.0),
        within("speech_ratio", 0.0, 1.0),
        within("words_per_minute", 0.0),
        within("language_probability", 0.0, 1.0),
    ),
)
