"""Training rows: pairs joined with their frames, in the Parquet files of `out/shards/`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from schemas.base import Array, Rule, TableSpec
from schemas.columns import column
from schemas.pairs import PAIR_RULES, PAIRS, PairColumns

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, kw_only=True)
class ShardRow(PairColumns):
    """A pair with its pictures. Without them it has the columns of `pairs`."""

    frames: Annotated[Sequence[bytes], column("JPEG pictures in time order")]
    frame_times_s: Annotated[
        Sequence[float], column("time of each picture in the source video", unit="s")
    ]


def _frames_without_times(table: pa.Table) -> Array:
    import pyarrow.compute as pc

    counts = pc.list_value_length(table.column("frames"))
    times = pc.list_value_length(table.column("frame_times_s"))
    return pc.or_(pc.not_equal(counts, times), pc.equal(counts, 0))


SHARDS = TableSpec(
    name="shards",
    version=PAIRS.version,  # A column of pairs is one of shards: they change together.
    meaning="training rows: clip with narration, video with structured title, silent video; with JPEG frames",
    row=ShardRow,
    primary_key=("pair_id",),
    rules=(
        *PAIR_RULES,
        Rule(
            name="frames and times differ",
            column="frame_times_s",
            expects="one time for each of at least one frame",
            broken=_frames_without_times,
        ),
    ),
)
