"""The split of each source video. Clips inherit it, so no surgery is in two splits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from schemas.base import ForeignKey, TableSpec
from schemas.columns import column
from schemas.vocab import Split


@dataclass(frozen=True, kw_only=True)
class SplitRow:
    """The split of one source video."""

    video_id: Annotated[str, column("source video")]
    split: Annotated[Split, column("train, val or test")]


SPLITS = TableSpec(
    name="splits",
    version=1,
    meaning="assignment of source videos to train, val and test",
    row=SplitRow,
    primary_key=("video_id",),
    foreign_keys=(ForeignKey(column="video_id", parent="videos", parent_column="video_id"),),
)
