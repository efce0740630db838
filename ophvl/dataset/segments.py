"""Read and write ledger segments: the compacted results of one stage in one partition.

The header line of a segment names the Parquet files of its rows, so the segment's rename makes all of them
valid at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ophvl.atomic_io import write_text
from ophvl.dataset.layout import Layout
from ophvl.dataset.ledger import Entry
from ophvl.dataset.rows import require_schema, unit_column
from ophvl.faults import reading
from ophvl.stage import StageSpec

if TYPE_CHECKING:
    import pyarrow as pa

_REDO = "restore it from a copy, or delete it, then run its stage again: that redoes what it listed"

Files = Mapping[str, str]
"""Table to the name of its Parquet file."""


def read_header(segment: Path) -> Files:
    """Read which Parquet files hold the rows of a segment.

    Raises:
        DamagedFileError: it is cut short or changed.
    """
    with reading(segment, _REDO), segment.open(encoding="utf-8") as file:
        files: Files = json.loads(file.readline())["tables"]
    return files


def read_segment(segment: Path) -> tuple[Files, dict[str, Entry]]:
    """Read the Parquet files and the ledger entries, by unit, of a segment.

    Raises:
        DamagedFileError: it is cut short or changed.
    """
    with reading(segment, _REDO):
        header, *lines = segment.read_text(encoding="utf-8").rstrip("\n").split("\n")
        entries = (Entry.from_json(line) for line in lines)
        return json.loads(header)["tables"], {entry.unit: entry for entry in entries}


def write_segment(segment: Path, files: Files, lines: Iterable[str]) -> None:
    """Write a segment; `lines` are its ledger entries as JSON."""
    write_text(segment, "\n".join([json.dumps({"tables": files}), *lines]) + "\n")


def read_segment_rows(
    layout: Layout,
    spec: StageSpec,
    table: str,
    partition: int,
    columns: Sequence[str] | None = None,
    units: Sequence[str] | None = None,
) -> pa.Table | None:
    """Read compacted rows, only `columns` and `units` where given; None where there are none.

    Raises:
        DamagedFileError: a file is cut short or changed.
        SchemaError: they do not fit this version's schema.
    """
    segment = layout.segment_path(spec.name, partition)
    name = read_header(segment).get(table) if segment.exists() else None
    if name is None:
        return None
    import pyarrow.parquet as pq

    from schemas.catalogue import TABLES

    column = unit_column(spec, table)
    filters = [(column, "in", units)] if units is not None and column else None
    path = layout.parquet_path(table, name)
    mend = f"restore it from a copy, or delete {segment}, then run its stages again: they redo it"
    with reading(path, mend):
        stored = pq.read_schema(path)
    require_schema(table, stored, path)
    requested = TABLES[table].arrow.names if columns is None else columns
    present = [name for name in requested if name in stored.names]
    with reading(path, mend):
        rows = pq.read_table(path, columns=present, filters=filters, partitioning=None)
    return TABLES[table].select(rows, requested)
