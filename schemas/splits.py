"""Which split each source video belongs to. Clips inherit it, so no surgery stands in two splits."""

from __future__ import annotations

import pyarrow as pa

from schemas.base import Column, ForeignKey, TableSpec, one_of
from schemas.vocab import Split

SPLITS = TableSpec(
    name="splits",
    version=1,
    meaning="assignment of source videos to train, val and test",
    columns=(
        Column(name="video_id", type=pa.string(), meaning="source video"),
        Column(name="split", type=pa.string(), meaning="train, val or test"),
    ),
    primary_key=("video_id",),
    foreign_keys=(ForeignKey(column="video_id", parent="videos", parent_column="video_id"),),
    rules=(one_of("split", list(Split)),),
)
