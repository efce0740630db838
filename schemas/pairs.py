"""Pairs without pixels: which span of which video goes with which text."""

from __future__ import annotations

import pyarrow as pa

from schemas.base import Column, ForeignKey, TableSpec
from schemas.shards import PAIR_COLUMNS, PAIR_RULES

PAIRS = TableSpec(
    name="pairs",
    version=1,
    meaning="clip-narration pairs, video-title pairs and silent videos, with the times of their frames",
    columns=(
        *PAIR_COLUMNS,
        Column(
            name="frame_times_s",
            type=pa.list_(pa.float64()),
            meaning="times at which the pair is seen",
            unit="s",
        ),
    ),
    primary_key=("pair_id",),
    foreign_keys=(ForeignKey(column="video_id", parent="media", parent_column="video_id"),),
    rules=PAIR_RULES,
)
