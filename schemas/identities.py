"""The ids, addresses and channels that block lists and exclusion lists are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from schemas.base import ForeignKey, TableSpec, matches
from schemas.columns import column


@dataclass(frozen=True, kw_only=True)
class IdentityRow:
    """The ids, addresses and channel names of one source video."""

    video_id: Annotated[str, column("source video")]
    ids: Annotated[Sequence[str], column("ids by its own page, as video_id is made")]
    urls: Annotated[Sequence[str], column("addresses")]
    channels: Annotated[Sequence[str], column("ids, handles and names of its channel")]


IDENTITIES = TableSpec(
    name="identities",
    version=1,
    meaning="ids, addresses and channels of each source video, as source lists and pages give them; they "
    "stay when a video is blocked, so that it is recognised again",
    row=IdentityRow,
    primary_key=("video_id",),
    foreign_keys=(ForeignKey(column="video_id", parent="videos", parent_column="video_id"),),
    rules=(matches("video_id"),),
)
