"""How much speech a video holds, and in which language. Stage `pair` derives the route from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from schemas.base import ForeignKey, TableSpec, within
from schemas.columns import column


@dataclass(frozen=True, kw_only=True)
class SpeechRow:
    """How much speech one video holds, and in which language."""

    video_id: Annotated[str, column("source video")]
    speech_s: Annotated[float, column("seconds with voice activity", unit="s")]
    speech_ratio: Annotated[float, column("speech_s by duration")]
    words_per_minute: Annotated[
        float, column("words of segments without a flag, by duration", unit="1/min")
    ]
    segments: Annotated[int, column("transcript segments")]
    flagged_segments: Annotated[int, column("segments that a guard takes for invented text")]
    language: Annotated[
        str | None,
        column("ISO 639-1 code; null without speech or a model that tells languages apart"),
    ]
    language_probability: Annotated[
        float | None, column("how sure the language is; 1 where the config gives it")
    ]
    language_source: Annotated[
        str | None, column("config, or the model that detected the language")
    ]


SPEECH = TableSpec(
    name="speech",
    version=2,
    meaning="how much speech each video holds",
    row=SpeechRow,
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
