"""How much is said in a video, and in which language. The route follows from it in `pair`."""

from __future__ import annotations

import pyarrow as pa

from schemas.base import Column, ForeignKey, TableSpec, within

SPEECH = TableSpec(
    name="speech",
    version=2,
    meaning="how much is said in each video",
    columns=(
        Column(name="video_id", type=pa.string(), meaning="source video"),
        Column(name="speech_s", type=pa.float64(), meaning="seconds with voice activity", unit="s"),
        Column(name="speech_ratio", type=pa.float64(), meaning="speech_s by duration"),
        Column(
            name="words_per_minute",
            type=pa.float64(),
            meaning="words of segments without a flag, by duration",
            unit="1/min",
        ),
        Column(name="segments", type=pa.int64(), meaning="transcript segments"),
        Column(
            name="flagged_segments",
            type=pa.int64(),
            meaning="those that a guard takes for invented text",
        ),
        Column(
            name="language",
            type=pa.string(),
            meaning="ISO 639-1 code; null without speech or a model that tells languages apart",
            nullable=True,
        ),
        Column(
            name="language_probability",
            type=pa.float64(),
            meaning="how sure the language is; 1 where the config gives it",
            nullable=True,
        ),
        Column(
            name="language_source",
            type=pa.string(),
            meaning="config, or the model that detected the language",
            nullable=True,
        ),
    ),
    primary_key=("video_id",),
    foreign_keys=(ForeignKey(column="video_id", parent="videos", parent_column="video_id"),),
    rules=(
        within("speech_s", 0.0),
        within("speech_ratio", 0.0, 1.0),
        within("words_per_minute", 0.0),
        within("segments", 0),
        within("flagged_segments", 0),
        within("language_probability", 0.0, 1.0),
    ),
)
