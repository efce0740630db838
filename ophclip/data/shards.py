"""Read training rows. In: a folder of Parquet shards (schemas/shards.py). Out: rows, and their JPEG frames.

All columns but the frames are read at once and checked; frames are read by row group when needed.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ophclip.errors import DataError
from schemas.pairs import PAIR_RULES, PairRow
from schemas.shards import SHARDS
from schemas.vocab import Kind

FRAMES = "frames"

_ROWS = dataclasses.replace(SHARDS, row=PairRow, rules=PAIR_RULES)
"""The schema without frames. How many frames a row has is checked when they are read."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One shard row without its frames, and their position in the files. Times in seconds."""

    file: int
    """Index in `Shards.files`."""
    group: int
    """Row group in the file."""
    index: int
    """Row in the row group."""
    pair_id: str
    level: str
    kind: str
    video_id: str
    channel_id: str | None
    start_s: float
    end_s: float
    text: str | None
    title: str | None
    narrations: tuple[str, ...]
    surgeries: frozenset[str]
    """Concept ids of kind surgery, negated ones left out."""
    phases: frozenset[str]
    """Concept ids of kind phase, negated ones left out."""
    confidence: float
    split: str
    frame_times_s: tuple[float, ...]


@dataclass
class Shards:
    """An open dataset: `rows` in the order of the files. It can be pickled for loader processes."""

    files: tuple[Path, ...]
    rows: tuple[Sample, ...]
    fingerprint: str
    """sha256 of the manifest, or of the files' names, sizes and footers where there is none."""
    cached_groups: int
    """Row groups whose frames stay in memory, the last used ones."""
    _groups: OrderedDict[tuple[int, int], pa.ChunkedArray] = field(default_factory=OrderedDict)

    def jpegs(self, row: Sample) -> Sequence[bytes]:
        """Return the row's frames as JPEG files, in time order.

        Raises:
            DataError: the file can no longer be read, or frames and times differ in number.
        """
        column = self._group(row)
        frames: list[bytes] = column[row.index].as_py()
        if not frames or len(frames) != len(row.frame_times_s):
            raise DataError(
                f"{self.files[row.file]}: pair {row.pair_id} has {len(frames)} frames and "
                f"{len(row.frame_times_s)} frame times; rebuild this shard"
            )
        return frames

    def _group(self, row: Sample) -> pa.ChunkedArray:
        key = (row.file, row.group)
        if key not in self._groups:
            path = self.files[row.file]
            try:
                with pq.ParquetFile(path) as file:
                    table = file.read_row_group(row.group, columns=[FRAMES], use_threads=False)
            except (OSError, pa.ArrowInvalid) as err:
                raise DataError(f"{path}: cannot read row group {row.group}: {err}") from err
            self._groups[key] = table.column(FRAMES)
            while len(self._groups) > self.cached_groups:
                self._groups.popitem(last=False)
        self._groups.move_to_end(key)
        return self._groups[key]


def open_shards(folder: Path, *, cached_groups: int) -> Shards:
    """Open a dataset and check every row but its frames.

    Args:
        folder: the dataset folder, or its shards folder.
        cached_groups: row groups whose frames stay in memory.

    Raises:
        DataError: there are no shards, or they break the schema; names file, column and rows.
    """
    inner = folder / "shards"
    directory = inner if inner.is_dir() else folder
    files = tuple(sorted(directory.glob("*.parquet")))
    if not files:
        raise DataError(
            f"no *.parquet files in {directory}; give the dataset folder that `ophvl build-pairs` "
            "wrote, or its shards folder"
        )
    rows: list[Sample] = []
    digest = hashlib.sha256()
    file_of: dict[str, Path] = {}
    for number, path in enumerate(files):
        table, groups, footer = _read(path)
        digest.update(f"{path.name} {path.stat().st_size} {footer}\n".encode())
        of_file = _rows(table, number, groups)
        for row in of_file:
            if row.pair_id in file_of:
                raise DataError(
                    f"pair {row.pair_id} is in both {file_of[row.pair_id]} and {path}; rebuild the shards"
                )
            file_of[row.pair_id] = path
        rows += of_file
    if not rows:
        raise DataError(
            f"the shards in {directory} hold no rows; look at `ophvl stats` for where they went"
        )
    manifest = directory / "manifest.json"
    if manifest.is_file():
        digest = hashlib.sha256(manifest.read_bytes())
    return Shards(
        files=files, rows=tuple(rows), fingerprint=digest.hexdigest(), cached_groups=cached_groups
    )


def _read(path: Path) -> tuple[pa.Table, list[int], str]:
    """Return the file's columns without frames, its rows per row group, and a hash of its footer."""
    try:
        with pq.ParquetFile(path) as file:
            violations = SHARDS.check(file.schema_arrow.empty_table())
            if violations:
                raise DataError(_schema_message(path, violations))
            names = [c.name for c in _ROWS.columns]
            table = file.read(columns=names, use_threads=False)
            meta = file.metadata
    except (OSError, pa.ArrowInvalid) as err:
        raise DataError(f"{path} is not a readable Parquet file: {err}") from err
    violations = _ROWS.check(table.select(names))
    if violations:
        raise DataError(_schema_message(path, violations))
    groups = [meta.row_group(g).num_rows for g in range(meta.num_row_groups)]
    footer = hashlib.sha256(
        repr([meta.row_group(g).to_dict() for g in range(len(groups))]).encode()
    )
    return table, groups, footer.hexdigest()


def _schema_message(path: Path, violations: Sequence[object]) -> str:
    lines = "\n  ".join(str(v) for v in violations)
    return f"{path} does not follow the shard schema (version {SHARDS.version}):\n  {lines}"


def _rows(table: pa.Table, file: int, groups: Sequence[int]) -> list[Sample]:
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    positions = [(group, index) for group, size in enumerate(groups) for index in range(size)]
    return [
        Sample(
            file=file,
            group=group,
            index=index,
            pair_id=columns["pair_id"][i],
            level=columns["level"][i],
            kind=columns["kind"][i],
            video_id=columns["video_id"][i],
            channel_id=columns["channel_id"][i],
            start_s=columns["start_s"][i],
            end_s=columns["end_s"][i],
            text=columns["text"][i],
            title=columns["title"][i],
            narrations=tuple(columns["narrations"][i]),
            surgeries=_concepts(columns["attributes"][i], Kind.SURGERY),
            phases=_concepts(columns["attributes"][i], Kind.PHASE),
            confidence=columns["confidence"][i],
            split=columns["split"][i],
            frame_times_s=tuple(columns["frame_times_s"][i]),
        )
        for i, (group, index) in enumerate(positions)
    ]


def _concepts(attributes: Sequence[Mapping[str, Any]], kind: Kind) -> frozenset[str]:
    """Return the concept ids of a kind, without negated attributes and those that are no concept."""
    return frozenset(
        a["concept_id"]
        for a in attributes
        if a["kind"] == kind and a["concept_id"] and not a["negated"]
    )
