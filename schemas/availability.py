"""Whether source videos can still be had: one row a check, never changed."""

from __future__ import annotations

import pyarrow as pa

from schemas.base import Column, ForeignKey, TableSpec, one_of
from schemas.vocab import FailureKind

AVAILABILITY = TableSpec(
    name="availability",
    version=1,
    meaning="checks of whether a source video can still be had; nothing is made from them",
    columns=(
        Column(name="video_id", type=pa.string(), meaning="source video"),
        Column(
            name="checked_at", type=pa.timestamp("ms", tz="UTC"), meaning="when it was asked for"
        ),
        Column(name="state", type=pa.string(), meaning="available, or the kind of failure"),
        Column(
            name="licence", type=pa.string(), meaning="licence as published then", nullable=True
        ),
        Column(name="message", type=pa.string(), meaning="what the tool said"),
    ),
    primary_key=("video_id", "checked_at"),
    foreign_keys=(ForeignKey(column="video_id", parent="videos", parent_column="video_id"),),
    rules=(one_of("state", ["available", *FailureKind]),),
)
