"""Merge result files into one Parquet file for each table, and one ledger segment, of a partition."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ophvl.atomic_io import replacing
from ophvl.dataset.commit import read_entries, read_result_rows, result_files_by_unit
from ophvl.dataset.layout import Layout, is_batch
from ophvl.dataset.ledger import Entry, EntryOutcome
from ophvl.dataset.read import without_units
from ophvl.dataset.rows import OUTCOME_TABLES, select_rows, sort_rows, unit_column
from ophvl.dataset.segments import read_segment, read_segment_rows, write_segment
from ophvl.partitions import Partitions, partition_of
from ophvl.stage import StageSpec

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP_BYTES = 8 * 2**20
"""The least that a read of a few rows loads from disk."""

BatchRows = dict[tuple[Path, str], "pa.Table | None"]
"""The rows of batches, by file and table: each is read once for all the partitions that it has rows of."""


def compact(
    layout: Layout, stage: str, partitions: Partitions, units: Iterable[str] | None
) -> None:
    """Merge the result files of `stage`; see `Store.compact`."""
    if units is None:
        files = layout.result_files(stage)
    else:
        files = list(result_files_by_unit(layout, stage, frozenset(units)).values())
    results: dict[int, dict[str, tuple[Path, Entry]]] = defaultdict(dict)
    merged: set[Path] = set()
    for path in files:
        if not is_batch(path) and partition_of(path.stem) not in partitions:
            continue
        entries = read_entries(path)
        if all(partition_of(entry.unit) in partitions for entry in entries):
            merged.add(path)
            for entry in entries:
                results[partition_of(entry.unit)][entry.unit] = (path, entry)
    batch_rows: BatchRows = {}
    for partition, of_partition in sorted(results.items()):
        _compact_partition(layout, layout.stages[stage], partition, of_partition, batch_rows)
    for path in merged:
        path.unlink()


def _compact_partition(
    layout: Layout,
    spec: StageSpec,
    partition: int,
    results: Mapping[str, tuple[Path, Entry]],
    batch_rows: BatchRows,
) -> None:
    """Write the segment of a partition anew, with `results` by unit."""
    segment = layout.segment_path(spec.name, partition)
    old_files, entries = read_segment(segment) if segment.exists() else ({}, {})
    for unit, (_, entry) in results.items():
        entries[unit] = entry
    live = {u: e for u, e in entries.items() if e.outcome is not EntryOutcome.RETRACTED}
    lines = [live[unit].to_json() for unit in sorted(live)]
    generation = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:8]
    name = f"{spec.name}-{partition:03d}-{generation}.parquet"
    result_files = {unit: path for unit, (path, _) in results.items()}
    files: dict[str, str] = {}
    for table in (*spec.writes, *OUTCOME_TABLES):
        rows = _merged_rows(layout, spec, table, partition, result_files, batch_rows)
        if rows.num_rows:
            _write_parquet(layout.parquet_path(table, name), rows)
            files[table] = name
    write_segment(segment, files, lines)
    for table, old_name in old_files.items():
        if files.get(table) != old_name:
            layout.parquet_path(table, old_name).unlink(missing_ok=True)


def _merged_rows(
    layout: Layout,
    spec: StageSpec,
    table: str,
    partition: int,
    result_files: Mapping[str, Path],
    batch_rows: BatchRows,
) -> pa.Table:
    """Return the rows of a partition: those of `result_files`, and the compacted ones of other units."""
    import pyarrow as pa

    from schemas.catalogue import TABLES

    slices = []
    for path in sorted(set(result_files.values())):
        if is_batch(path):
            slices.append(_rows_in_batch(path, spec, table, result_files, batch_rows))
        else:
            slices.append(read_result_rows(path, table))
    compacted = read_segment_rows(layout, spec, table, partition)
    if compacted is not None:
        slices.append(without_units(compacted, spec, table, result_files))
    present = [rows for rows in slices if rows is not None]
    return sort_rows(pa.concat_tables([TABLES[table].empty(), *present]), table)


def _rows_in_batch(
    path: Path, spec: StageSpec, table: str, units: Iterable[str], batch_rows: BatchRows
) -> pa.Table | None:
    """Return the rows of `units` in a batch, which may have rows of other partitions too."""
    if (path, table) not in batch_rows:
        batch_rows[path, table] = read_result_rows(path, table)
    rows, column = batch_rows[path, table], unit_column(spec, table)
    return select_rows(rows, column, units) if rows is not None and column else rows


def _write_parquet(path: Path, rows: pa.Table) -> None:
    import pyarrow.parquet as pq

    with replacing(path) as temporary:
        # Small row groups: reading one video must not read the pictures of its whole partition.
        per_group = max(1, ROW_GROUP_BYTES * rows.num_rows // rows.nbytes)
        pq.write_table(rows, temporary, row_group_size=per_group, compression="zstd")
