"""Fetched files, as the decoder sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from schemas.base import ForeignKey, TableSpec, matches, within
from schemas.columns import column


@dataclass(frozen=True, kw_only=True)
class MediaRow:
    """The file of one source video, as probed."""

    video_id: Annotated[str, column("source video")]
    path: Annotated[str, column("where the file lies: absolute, or relative to the dataset root")]
    bytes: Annotated[int, column("size of the file", unit="B")]
    sha256: Annotated[str, column("hash of the file's content")]
    duration_s: Annotated[float, column("how long it can be played", unit="s")]
    width: Annotated[int, column("picture width", unit="px")]
    height: Annotated[int, column("picture height", unit="px")]
    fps: Annotated[float, column("average frame rate", unit="1/s")]
    has_audio: Annotated[bool, column("whether there is an audio stream that can be decoded")]
    fetched_at: Annotated[datetime, column("when the file was fetched, or a local file probed")]
    tool: Annotated[str, column("name and version of the tool that fetched it")]
    pictures_s: Annotated[float | None, column("when the last picture ends", unit="s", since=2)]
    sound_s: Annotated[float | None, column("when the sound ends; null without", unit="s", since=2)]
    missing_s: Annotated[
        float | None,
        column("how much of the duration in its header is not there, if any", unit="s", since=2),
    ]
    audio_stream: Annotated[
        int | None,
        column("which of several audio streams is heard; null for the only one", since=2),
    ]
    clock_jumps: Annotated[
        int | None, column("how often its time stamps restart or jump, if ever", since=2)
    ]


MEDIA = TableSpec(
    name="media",
    version=2,
    meaning="the file behind each source video, probed",
    row=MediaRow,
    primary_key=("video_id",),
    foreign_keys=(ForeignKey(column="video_id", parent="videos", parent_column="video_id"),),
    rules=(
        matches("sha256", r"^[0-9a-f]{64}$"),
        within("bytes", 1),
        within("duration_s", 0.0),
        within("width", 1),
        within("height", 1),
        within("fps", 0.0),
        within("pictures_s", 0.0),
        within("sound_s", 0.0),
        within("missing_s", 0.0),
        within("audio_stream", 0),
        within("clock_jumps", 1),
    ),
)
