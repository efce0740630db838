"""Shards of benchmarks that make their own data, as `ophvl build-pairs` writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from schemas.shards import SHARDS
from schemas.vocab import Level, Route, Split


@dataclass(frozen=True, kw_only=True)
class ShardRow:
    """A row of the shards; see schemas/shards.py."""

    pair_id: str
    video_id: str
    start_s: float
    end_s: float
    frames: list[bytes]
    frame_times_s: list[float]
    licence_class: str
    text: str | None = None
    title: str | None = None
    level: str = Level.CLIP
    kind: str = Route.NARRATED
    channel_id: str | None = None
    narrations: list[str] = field(default_factory=list)
    attributes: list[dict[str, object]] = field(default_factory=list)
    confidence: float = 1.0
    split: str = Split.TRAIN


def write_shard(place: Path, number: int, rows: Sequence[ShardRow]) -> None:
    """Write a file into the shards folder `place`.

    Raises:
        ValueError: the rows break the schema.
    """
    table = SHARDS.table(rows)
    for fault in SHARDS.check(table):
        raise ValueError(f"the corpus breaks the schema of shards: {fault}")
    pq.write_table(table, place / f"train-{number:05d}.parquet", row_group_size=64)
