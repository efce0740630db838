"""Which part each video plays: narrated, or silent in the retrieval pool; and why."""

from __future__ import annotations

import pyarrow as pa

from schemas.base import Column, ForeignKey, TableSpec, one_of
from schemas.vocab import Route, RouteReason

ROUTES = TableSpec(
    name="routes",
    version=1,
    meaning="route of each source video, with its reason",
    columns=(
        Column(name="video_id", type=pa.string(), meaning="source video"),
        Column(name="route", type=pa.string(), meaning="narrated or silent"),
        Column(name="reason", type=pa.string(), meaning="why this route"),
    ),
    primary_key=("video_id",),
    foreign_keys=(ForeignKey(column="video_id", parent="videos", parent_column="video_id"),),
    rules=(one_of("route", list(Route)), one_of("reason", list(RouteReason))),
)
