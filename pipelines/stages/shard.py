"""Stage shard: pairs, frames -> shards/. The training rows, as Parquet files with their pictures inside.

Videos are put in an order of their own hash and fill one shard after another; within a shard the rows
are shuffled, so that neighbouring rows come from different videos. Each video's frames are read once,
and at most one shard of rows is in memory.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ophvl.config import Settings, Unit
from ophvl.dataset.store import TableReader
from ophvl.errors import UsageError
from ophvl.ids import sha256_file
from ophvl.stage import Scope, StageResult, StageSpec
from schemas.columns import column_names
from schemas.pairs import PairRow
from schemas.shards import SHARDS
from schemas.vocab import Split

if TYPE_CHECKING:
    import pyarrow as pa


class ShardConfig(Settings):
    """Settings of stage shard."""

    shard_bytes: Annotated[int, Unit("bytes")] = Field(
        256 * 2**20,
        ge=1,
        description="Size of the rows that fill a shard file, at least; the last file may be smaller.",
    )
    row_group_bytes: Annotated[int, Unit("bytes")] = Field(
        8 * 2**20, ge=1, description="Size of the rows that fill a row group, at least."
    )


VIDEOS_AT_ONCE = 32
"""How many videos' frames are read with one scan of the frames table."""


@dataclass(frozen=True, kw_only=True)
class ShardFile:
    """A written shard, as the manifest names it."""

    name: str
    split: str
    rows: int
    bytes: int
    sha256: str


def shard(read: TableReader, *, config: ShardConfig, folder: Path) -> StageResult:
    """Fill `folder` with `<split>-<number>.parquet` and `manifest.json`."""
    written: list[ShardFile] = []
    counts: Counter[str] = Counter()
    for split in Split:
        for number, rows in enumerate(_batches(read, split, config.shard_bytes)):
            name = f"{split}-{number:05d}.parquet"
            _write(rows, folder / name, config.row_group_bytes)
            for level, kind in zip(
                *(rows.column(c).to_pylist() for c in ("level", "kind")), strict=True
            ):
                counts[f"{split} {level} {kind}"] += 1
            written.append(
                ShardFile(
                    name=name,
                    split=split,
                    rows=rows.num_rows,
                    bytes=(folder / name).stat().st_size,
                    sha256=sha256_file(folder / name),
                )
            )
    manifest = {
        "schema": {"table": SHARDS.name, "version": SHARDS.version},
        "rows": dict(sorted(counts.items())),
        "shards": [vars(file) for file in written],
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    (folder / "manifest.json").write_text(text, encoding="utf-8")
    return StageResult(tables={})


def _batches(read: TableReader, split: Split, shard_bytes: int) -> Iterator[pa.Table]:
    """Yield tables of about `shard_bytes` each, rows shuffled, all rows of a video in one table."""
    import pyarrow as pa
    import pyarrow.compute as pc

    assignment = read("splits")
    chosen = assignment.filter(pc.equal(assignment.column("split"), split))
    videos = sorted(chosen.column("video_id").to_pylist(), key=_shuffle_key)
    buffered: list[pa.Table] = []
    for first in range(0, len(videos), VIDEOS_AT_ONCE):
        buffered.append(_joined(read, videos[first : first + VIDEOS_AT_ONCE]))
        if sum(table.nbytes for table in buffered) >= shard_bytes:
            yield _shuffled(pa.concat_tables(buffered))
            buffered = []
    rest = pa.concat_tables(buffered) if buffered else None
    if rest is not None and rest.num_rows:
        yield _shuffled(rest)


def _joined(read: TableReader, videos: list[str]) -> pa.Table:
    """Return the pairs of some videos with the frames at their times."""
    import pyarrow as pa

    pairs = read("pairs", video_ids=videos)
    frames = read("frames", ["video_id", "time_s", "jpeg"], video_ids=videos)
    index = {
        key: row
        for row, key in enumerate(
            zip(
                frames.column("video_id").to_pylist(),
                frames.column("time_s").to_pylist(),
                strict=True,
            )
        )
    }
    times = pairs.column("frame_times_s").to_pylist()
    try:
        order = [
            index[video_id, time_s]
            for video_id, of_pair in zip(pairs.column("video_id").to_pylist(), times, strict=True)
            for time_s in of_pair
        ]
    except KeyError as err:
        video_id, time_s = err.args[0]
        raise UsageError(
            f"{video_id} has no picture at {time_s} s: its pairs are newer than its frames. "
            "Run `ophvl run frames..shard`"
        ) from err
    offsets = [0]
    for of_pair in times:
        offsets.append(offsets[-1] + len(of_pair))
    pictures = frames.column("jpeg").take(pa.array(order, pa.int64())).combine_chunks()
    lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pictures)
    columns = {
        name: pairs.column(name) if name != "frames" else lists for name in SHARDS.arrow.names
    }
    return pa.table(columns, schema=SHARDS.arrow)


def _shuffled(rows: pa.Table) -> pa.Table:
    ids = rows.column("pair_id").to_pylist()
    return rows.take(sorted(range(len(ids)), key=lambda i: _shuffle_key(ids[i])))


def _shuffle_key(identity: str) -> bytes:
    """Return a sort key that shuffles ids in the same way each time."""
    return hashlib.sha256(identity.encode()).digest()


def _write(rows: pa.Table, path: Path, row_group_bytes: int) -> None:
    import pyarrow.parquet as pq

    per_group = max(1, row_group_bytes * rows.num_rows // max(1, rows.nbytes))
    pq.write_table(rows, path, row_group_size=per_group, compression="zstd")


STAGE = StageSpec(
    name="shard",
    version=1,
    scope=Scope.EXPORT,
    run=shard,
    settings=ShardConfig,
    help="join pairs and frames into the training rows of shards/",
    reads={
        "pairs": column_names(PairRow),
        "frames": ("video_id", "time_s", "jpeg"),
    },
)
