"""Frames of the videos, decoded once and reused by every rebuild."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from schemas.base import ForeignKey, TableSpec, matches, within
from schemas.columns import column


@dataclass(frozen=True, kw_only=True)
class FrameRow:
    """A picture of one source video at one time."""

    video_id: Annotated[str, column("source video")]
    media_sha256: Annotated[str, column("content that the frame was decoded from")]
    time_s: Annotated[float, column("requested time; the frame is the one shown then", unit="s")]
    width: Annotated[int, column("picture width", unit="px")]
    height: Annotated[int, column("picture height", unit="px")]
    short_side: Annotated[int, column("requested short side", unit="px")]
    quality: Annotated[int, column("requested JPEG quality")]
    jpeg: Annotated[bytes, column("JPEG file")]


FRAMES = TableSpec(
    name="frames",
    version=1,
    meaning="JPEG frames by source video and time",
    row=FrameRow,
    primary_key=("video_id", "time_s"),
    foreign_keys=(ForeignKey(column="video_id", parent="media", parent_column="video_id"),),
    rules=(
        matches("media_sha256", r"^[0-9a-f]{64}$"),
        within("time_s", 0.0),
        within("width", 1),
        within("height", 1),
    ),
)
