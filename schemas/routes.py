"""The route of each video, narrated or silent (in the retrieval pool), and the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from schemas.base import ForeignKey, TableSpec
from schemas.columns import column
from schemas.vocab import Route, RouteReason


@dataclass(frozen=True, kw_only=True)
class RouteRow:
    """The route of one source video, with the reason."""

    video_id: Annotated[str, column("source video")]
    route: Annotated[Route, column("narrated or silent")]
    reason: Annotated[RouteReason, column("why this route")]


ROUTES = TableSpec(
    name="routes",
    version=1,
    meaning="route of each source video, with its reason",
    row=RouteRow,
    primary_key=("video_id",),
    foreign_keys=(ForeignKey(column="video_id", parent="videos", parent_column="video_id"),),
)
