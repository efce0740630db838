"""Reads training rows. In: a folder of Parquet shards (schemas/shards.py). Out: rows, and their JPEGs.

All columns but the pictures are read at once and checked; pictures are read by row group when needed.
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

PICTURES = "frames"

_ROWS = dataclasses.replace(SHARDS, row=PairRow, rules=PAIR_RULES)
"""The schema without pictures. How many pictures a row has is checked when they are read."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One shard row without its pictures, and where these lie. Times in seconds."""

    file: int
    group: int
    place: int
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
    """Those of kind phase."""
    confidence: float
    split: str
    frame_times_s: tuple[float, ...]


@dataclass
class Shards:
    """An open dataset: `rows` in the order of the files. It can be sent to loader processes."""

    files: tuple[Path, ...]
    rows: tuple[Row, ...]
    fingerprint: str
    """sha256 of the manifest, or of the files' names, sizes and footers where there is none."""
    kept_groups: int
    _groups: OrderedDict[tuple[int, int], pa.ChunkedArray] = field(default_factory=OrderedDict)

    def jpegs(self, row: Row) -> Sequence[bytes]:
        """The row's pictures as JPEG files, in time order.

        Raises:
            DataError: the file cannot be read any more, or pictures and times differ in number.
        """
        column = self._group(row)
        pictures: list[bytes] = column[row.place].as_py()
        if not pictures or len(pictures) != len(row.frame_times_s):
            raise DataError(
                f"{self.files[row.file]}: pair {row.pair_id} has {len(pictures)} frames and "
                f"{len(row.frame_times_s)} frame times; rebuild this shard"
            )
        return pictures

    def _group(self, row: Row) -> pa.ChunkedArray:
        key = (row.file, row.group)
        if key not in self._groups:
            path = self.files[row.file]
            try:
                with pq.ParquetFile(path) as file:
                    table = file.read_row_group(row.group, columns=[PICTURES], use_threads=False)
            except (OSError, pa.ArrowInvalid) as err:
                raise DataError(f"{path}: cannot read row group {row.group}: {err}") from err
            self._groups[key] = table.column(PICTURES)
            while len(self._groups) > self.kept_groups:
                self._groups.popitem(last=False)
        self._groups.move_to_end(key)
        return self._groups[key]


def open_shards(folder: Path, *, kept_groups: int) -> Shards:
    """Open the dataset root, or the shards folder itself, and check every row but its pictures.

    Raises:
        DataError: there are no shards, or they break the schema; names file, column and rows.
    """
    inner = folder / "shards"
    place = inner if inner.is_dir() else folder
    files = tuple(sorted(place.glob("*.parquet")))
    if not files:
        raise DataError(
            f"no *.parquet files in {place}; give the dataset folder that `ophvl build-pairs` wrote, "
            "or its shards folder"
        )
    rows: list[Row] = []
    digest = hashlib.sha256()
    seen: dict[str, Path] = {}
    for number, path in enumerate(files):
        table, groups, footer = _read(path)
        digest.update(f"{path.name} {path.stat().st_size} {footer}\n".encode())
        found = _rows(table, number, groups)
        for row in found:
            if row.pair_id in seen:
                raise DataError(f"pair {row.pair_id} stands in both {seen[row.pair_id]} and {path}")
            seen[row.pair_id] = path
        rows += found
    if not rows:
        raise DataError(
            f"the shards in {place} hold no rows; look at `ophvl stats` for where they went"
        )
    manifest = place / "manifest.json"
    if manifest.is_file():
        digest = hashlib.sha256(manifest.read_bytes())
    return Shards(
        files=files, rows=tuple(rows), fingerprint=digest.hexdigest(), kept_groups=kept_groups
    )


def _read(path: Path) -> tuple[pa.Table, list[int], str]:
    """The file's columns without pictures, its rows per row group, and a hash of its footer."""
    try:
        with pq.ParquetFile(path) as file:
            violations = SHARDS.check(file.schema_arrow.empty_table())
            if violations:
                raise DataError(_told(path, violations))
            names = [c.name for c in _ROWS.columns]
            table = file.read(columns=names, use_threads=False)
            meta = file.metadata
    except (OSError, pa.ArrowInvalid) as err:
        raise DataError(f"{path} is not a readable Parquet file: {err}") from err
    violations = _ROWS.check(table.select(names))
    if violations:
        raise DataError(_told(path, violations))
    groups = [meta.row_group(g).num_rows for g in range(meta.num_row_groups)]
    footer = hashlib.sha256(
        repr([meta.row_group(g).to_dict() for g in range(len(groups))]).encode()
    )
    return table, groups, footer.hexdigest()


def _told(path: Path, violations: Sequence[object]) -> str:
    lines = "\n  ".join(str(v) for v in violations)
    return f"{path} does not keep the shard schema (version {SHARDS.version}):\n  {lines}"


def _rows(table: pa.Table, file: int, groups: Sequence[int]) -> list[Row]:
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    places = [(group, place) for group, size in enumerate(groups) for place in range(size)]
    return [
        Row(
            file=file,
            group=group,
            place=place,
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
        for i, (group, place) in enumerate(places)
    ]


def _concepts(attributes: Sequence[Mapping[str, Any]], kind: Kind) -> frozenset[str]:
    """Concepts of a kind; what was negated or is no concept is left out."""
    return frozenset(
        a["concept_id"]
        for a in attributes
        if a["kind"] == kind and a["concept_id"] and not a["negated"]
    )
