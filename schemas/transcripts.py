"""Transcripts: recognised speech, segment by segment, with word times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from schemas.base import ForeignKey, TableSpec, matches, span, within
from schemas.columns import column


@dataclass(frozen=True, kw_only=True)
class Word:
    """One word with its time; `interpolated` where the recogniser gave no usable time."""

    word: Annotated[str, column("the word, as recognised")]
    start_s: Annotated[float, column("start of the word", unit="s")]
    end_s: Annotated[float, column("end, not included", unit="s")]
    probability: Annotated[float, column("probability of the word, 0 to 1")]
    interpolated: Annotated[bool, column("the recogniser gave no usable time; it is interpolated")]


@dataclass(frozen=True, kw_only=True)
class TranscriptRow:
    """A segment of recognised speech."""

    segment_id: Annotated[str, column("<video_id>-s<number>")]
    video_id: Annotated[str, column("source video")]
    start_s: Annotated[float, column("start of the segment", unit="s")]
    end_s: Annotated[float, column("end, not included", unit="s")]
    text: Annotated[str, column("text of the segment")]
    words: Annotated[
        Sequence[Word],
        column(
            "words with times in s and probability; interpolated where the recogniser gave no time"
        ),
    ]
    avg_logprob: Annotated[
        float,
        column("mean log probability of the tokens of the window that holds it", unit="nat"),
    ]
    no_speech_prob: Annotated[float, column("probability that there is no speech in that window")]
    compression_ratio: Annotated[
        float, column("bytes of that window's text by its compressed bytes; high for loops")
    ]
    is_music: Annotated[
        bool, column("flag: the text is a caption of sounds, such as [Music], or a line of a song")
    ]
    is_silence: Annotated[
        bool, column("flag: the recogniser doubts both its text and that there is speech")
    ]
    is_loop: Annotated[
        bool, column("flag: the same words again and again, here or in the segments around")
    ]
    is_credit: Annotated[
        bool, column("flag: credits of subtitles, or a sign-off where there is hardly any speech")
    ]
    is_stock: Annotated[
        bool, column("flag: nothing but a stock phrase, recognised with little confidence")
    ]
    is_prompt: Annotated[
        bool, column("flag: the recogniser's own hints (prompt or hot words) as text")
    ]
    is_pace: Annotated[bool, column("flag: words far denser or sparser in time than speech can be")]
    language: Annotated[str, column("ISO 639-1 code of the text")]
    recogniser: Annotated[str, column("faster-whisper or openai-whisper")]
    model: Annotated[str, column("name of the weights")]
    model_sha256: Annotated[str, column("hash of the weights file")]


TRANSCRIPTS = TableSpec(
    name="transcripts",
    version=2,
    meaning="transcript segments with words, as recognised",
    row=TranscriptRow,
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
