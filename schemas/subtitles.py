"""Subtitles as publishers offer them: a second source of text besides the transcript."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from schemas.base import ForeignKey, TableSpec, matches, within
from schemas.columns import column
from schemas.vocab import CaptionKind


@dataclass(frozen=True, kw_only=True)
class SubtitleRow:
    """A line of subtitles on the screen in [start_s, end_s)."""

    subtitle_id: Annotated[str, column("<video_id>-c0000, in order of time")]
    video_id: Annotated[str, column("source video")]
    kind: Annotated[
        CaptionKind, column("manual (by people) or automatic (by the site's recogniser)")
    ]
    language: Annotated[str, column("language as published")]
    start_s: Annotated[float, column("when the line appears", unit="s")]
    end_s: Annotated[float, column("when it disappears", unit="s")]
    text: Annotated[str, column("text of the line; of a rolling caption only what is new in it")]


SUBTITLES = TableSpec(
    name="subtitles",
    version=1,
    meaning="lines of the subtitles that came with a video; no stage reads them yet",
    row=SubtitleRow,
    primary_key=("subtitle_id",),
    foreign_keys=(ForeignKey(column="video_id", parent="videos", parent_column="video_id"),),
    rules=(
        matches("subtitle_id"),
        within("start_s", 0.0),
        within("end_s", 0.0),
    ),
)
