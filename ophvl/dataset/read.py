"""Read the ledger and the tables of a dataset folder, also while another process compacts them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

from ophvl.dataset.commit import read_entries, read_result_rows, result_files_by_unit
from ophvl.dataset.layout import APPENDED, Layout
from ophvl.dataset.ledger import Entry, EntryOutcome
from ophvl.dataset.rows import (
    UNIT_COLUMNS,
    exclude_rows,
    require_schema,
    select_rows,
    sort_rows,
    unit_column,
)
from ophvl.dataset.segments import read_segment, read_segment_rows
from ophvl.faults import reading
from ophvl.partitions import PARTITIONS, partition_of
from ophvl.stage import Scope, StageSpec

if TYPE_CHECKING:
    import pyarrow as pa

_TRIES = 40
_PAUSE_S = 0.05
"""How often, and after what pause, a read starts over when a compaction removes a file under it."""

Value = TypeVar("Value")


def read_ledger(layout: Layout, stage: str) -> dict[str, Entry]:
    """Read the latest entry of each unit of `stage`, without retracted ones."""

    def read() -> dict[str, Entry]:
        # Result files first: one that is compacted meanwhile then stands in a segment read later.
        latest = [e for path in layout.result_files(stage) for e in read_entries(path)]
        entries: dict[str, Entry] = {}
        for path in layout.segments(stage):
            entries |= read_segment(path)[1]
        return entries | {entry.unit: entry for entry in latest}

    entries = repeat_while_compacted(read)
    return {u: e for u, e in entries.items() if e.outcome is not EntryOutcome.RETRACTED}


def read_table(
    layout: Layout, table: str, columns: Sequence[str] | None, video_ids: frozenset[str] | None
) -> pa.Table:
    """Read rows of `table`, sorted by primary key; only `columns` and `video_ids` where given.

    Raises:
        DamagedFileError: a stored file is cut short or changed.
        SchemaError: a stored file does not fit this version's schema.
    """
    import pyarrow as pa

    from schemas.catalogue import TABLES

    spec = TABLES[table]
    # Only these columns are read from disk: one column of `frames` must not load its pictures.
    keys = [*spec.primary_key, *(c for c in UNIT_COLUMNS if c in spec.arrow.names)]
    names = list(dict.fromkeys([*(spec.arrow.names if columns is None else columns), *keys]))
    if table == "failures":
        rows = _failures(layout)
    elif table in APPENDED:
        rows = pa.concat_tables([spec.empty(), *_appended_rows(layout, table)]).select(names)
    else:
        slices = repeat_while_compacted(lambda: _live_rows(layout, table, names, video_ids))
        rows = pa.concat_tables([spec.empty().select(names), *slices])
    if video_ids is not None and "video_id" in names:
        rows = select_rows(rows, "video_id", video_ids)
    rows = sort_rows(rows, table)
    return rows.select(list(columns)) if columns is not None else rows


def repeat_while_compacted(read: Callable[[], Value]) -> Value:
    """Read again when a file was compacted away between its listing and its reading."""
    for _ in range(_TRIES - 1):
        try:
            return read()
        except FileNotFoundError:
            time.sleep(_PAUSE_S)
    return read()


def _live_rows(
    layout: Layout, table: str, columns: Sequence[str], video_ids: frozenset[str] | None
) -> list[pa.Table]:
    """Return the rows of result files, and the compacted rows that these do not replace.

    Raises:
        FileNotFoundError: a compaction removed a file; read again.
    """
    slices: list[pa.Table] = []
    for spec in layout.stages_writing(table):
        units = video_ids if spec.scope is Scope.UNIT else None
        result_files = result_files_by_unit(layout, spec.name, units)
        for partition, of_partition in _by_partition(units).items():
            rows = read_segment_rows(layout, spec, table, partition, columns, of_partition)
            if rows is not None:
                slices.append(without_units(rows, spec, table, result_files))
        for path in sorted(set(result_files.values())):
            rows = read_result_rows(path, table)
            if rows is not None:
                slices.append(rows.select(columns))
    return slices


def without_units(rows: pa.Table, spec: StageSpec, table: str, units: Collection[str]) -> pa.Table:
    """Return `rows` without those of `units`; a stage of the whole corpus has one unit, all rows."""
    if not units:
        return rows
    column = unit_column(spec, table)
    return exclude_rows(rows, column, units) if column else rows.slice(0, 0)


def _by_partition(units: frozenset[str] | None) -> dict[int, list[str] | None]:
    """Group `units` by partition; every partition, with None, where no units are given."""
    if units is None:
        return dict.fromkeys(range(PARTITIONS))
    grouped: dict[int, list[str] | None] = {}
    for partition, of_partition in groupby(sorted(units, key=partition_of), key=partition_of):
        grouped[partition] = sorted(of_partition)
    return grouped


def _appended_rows(layout: Layout, table: str) -> list[pa.Table]:
    import pyarrow.parquet as pq

    slices = []
    for path in layout.appended_files(table):
        with reading(path, "restore it from a copy, or delete it: its rows are checked anew"):
            rows = pq.read_table(path, partitioning=None)
        require_schema(table, rows.schema, path)
        slices.append(rows)
    return slices


def _failures(layout: Layout) -> pa.Table:
    """Return table `failures`: the failed entries of all stages."""
    import pyarrow as pa

    from schemas.outcomes import FAILURES

    failed = [
        entry
        for stage in layout.stages
        for entry in read_ledger(layout, stage).values()
        if entry.outcome is EntryOutcome.FAILED
    ]
    columns: dict[str, list[object]] = {
        "unit": [e.unit for e in failed],
        "stage": [e.stage for e in failed],
        "kind": [str(e.kind) for e in failed],
        "message": [e.message for e in failed],
        "attempt": [e.attempt for e in failed],
        "failed_at": [datetime.fromisoformat(e.at) for e in failed],
    }
    return pa.table(columns, schema=FAILURES.arrow)
