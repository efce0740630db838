"""Write shards, as `ophvl build-pairs` does, for benchmarks that generate their own data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from schemas.shards import SHARDS, ShardRow
from schemas.vocab import Level, Route, Split


def training_row(**columns: Any) -> ShardRow:
    """Return a row of the shards: `columns`, and for the others those of a narrated clip to train on."""
    others = {
        **{c.attribute: None for c in SHARDS.columns if c.nullable},
        "level": Level.CLIP,
        "kind": Route.NARRATED,
        "narrations": (),
        "attributes": (),
        "confidence": 1.0,
        "split": Split.TRAIN,
    }
    return ShardRow(**{**others, **columns})


def write_shard(folder: Path, number: int, rows: Sequence[ShardRow]) -> None:
    """Write a shard file into the shards folder `folder`.

    Raises:
        ValueError: the rows break the schema.
    """
    table = SHARDS.table(rows)
    for violation in SHARDS.check(table):
        raise ValueError(f"the corpus breaks the schema of shards: {violation}")
    pq.write_table(table, folder / f"train-{number:05d}.parquet", row_group_size=64)
