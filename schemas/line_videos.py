"""Which source videos each source line leads to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from schemas.base import ForeignKey, TableSpec
from schemas.columns import column


@dataclass(frozen=True, kw_only=True)
class LineVideoRow:
    """A source video that a source line leads to."""

    line_id: Annotated[str, column("source line")]
    video_id: Annotated[str, column("source video that it leads to")]


LINE_VIDEOS = TableSpec(
    name="line_videos",
    version=1,
    meaning="source videos of each source line; several lines may lead to one video",
    row=LineVideoRow,
    primary_key=("line_id", "video_id"),
    foreign_keys=(
        ForeignKey(column="line_id", parent="sources", parent_column="line_id"),
        ForeignKey(column="video_id", parent="videos", parent_column="video_id"),
    ),
)
