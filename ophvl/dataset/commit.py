"""Write and read result files: the results of units until they are compacted.

A result file is a zip of `entries.jsonl` and one Arrow stream for each table. Its rename into place is
the commit.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ophvl.atomic_io import replacing
from ophvl.dataset.layout import Layout, is_batch
from ophvl.dataset.ledger import Entry
from ophvl.dataset.rows import require_schema
from ophvl.faults import reading

if TYPE_CHECKING:
    import pyarrow as pa


def write_result(path: Path, entries: Sequence[Entry], tables: Mapping[str, pa.Table]) -> None:
    """Make ledger entries and rows durable in one rename."""
    with (
        replacing(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive,
    ):
        archive.writestr("entries.jsonl", "\n".join(entry.to_json() for entry in entries))
        for name, table in tables.items():
            archive.writestr(f"{name}.arrow", _to_ipc(table))


def read_entries(path: Path) -> list[Entry]:
    """Read the ledger entries of a result file."""
    with _open_result(path) as archive:
        text = archive.read("entries.jsonl").decode()
        return [Entry.from_json(line) for line in text.split("\n")]


def read_result_rows(path: Path, table: str) -> pa.Table | None:
    """Read the rows of `table` in a result file; None where it has no such table.

    Raises:
        SchemaError: they do not fit this version's schema.
    """
    from schemas.catalogue import TABLES

    rows = read_stored_rows(path, table)
    if rows is not None:
        require_schema(table, rows.schema, path)
        return TABLES[table].select(rows, TABLES[table].arrow.names)
    return None


def stored_tables(path: Path) -> set[str]:
    """Return the names of the tables in a result file."""
    with _open_result(path) as archive:
        return {Path(name).stem for name in archive.namelist() if name.endswith(".arrow")}


def read_stored_rows(path: Path, table: str) -> pa.Table | None:
    """Read the rows of `table` in a result file as they stand there, of whichever version."""
    import pyarrow as pa

    with _open_result(path) as archive:
        if f"{table}.arrow" not in archive.namelist():
            return None
        return pa.ipc.open_stream(archive.read(f"{table}.arrow")).read_all()


@contextmanager
def _open_result(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a result file; parse what it holds within the block.

    Raises:
        DamagedFileError: it is cut short or changed.
    """
    remedy = "delete it, then run the same command again: what it held is done anew"
    with reading(path, remedy), zipfile.ZipFile(path) as archive:
        yield archive


def result_files_by_unit(
    layout: Layout, stage: str, units: frozenset[str] | None = None
) -> dict[str, Path]:
    """Map units to their result files.

    Args:
        units: the units to look up, none of which shares a result file; None for all.
    """
    if units is None:
        return {unit: path for path in layout.result_files(stage) for unit in _units_in(path)}
    paths = {unit: layout.result_path(stage, unit) for unit in units}
    return {unit: path for unit, path in paths.items() if path.exists()}


def _units_in(path: Path) -> list[str]:
    return [entry.unit for entry in read_entries(path)] if is_batch(path) else [path.stem]


def _to_ipc(table: pa.Table) -> bytes:
    import pyarrow as pa

    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()
