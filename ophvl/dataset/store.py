"""The dataset folder: tables and ledger on disk. All other packages read and write them through `Store`.

    tables/<table>/<stage>-<partition>-<generation>.parquet   rows, sorted by primary key
    ledger/<stage>/<partition>.jsonl                          segments: a header line, then one entry a line
    units/<stage>/<unit>.zip                                  result files: entries and tables
    <table>/<time>-<random>.parquet                           rows that are only appended, such as checks
    lists/<16 hex of a list's path>.json                      the lines of a source list, expanded or not

A unit's result is one zip file renamed into place: that is its commit. Quick results of many units may
share one, named `batch-...`. `compact` merges the result files of a partition into one Parquet file for each
table and one ledger segment. The segment names its Parquet files, so its rename makes all of them valid at
once; `sweep` removes what a crash leaves behind.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ophvl.atomic_io import replacing, write_text
from ophvl.dataset.commit import read_entries, write_result
from ophvl.dataset.compact import compact
from ophvl.dataset.layout import SOURCE_LISTS, Layout
from ophvl.dataset.ledger import ColumnHashes, Entry
from ophvl.dataset.read import read_ledger, read_table
from ophvl.dataset.rows import select_rows
from ophvl.dataset.sweep import sweep, sweep_lines
from ophvl.dataset.upgrade import upgrade
from ophvl.errors import UsageError
from ophvl.faults import reading
from ophvl.partitions import ALL_PARTITIONS, Partitions
from ophvl.stage import Scope, StageSpec

if TYPE_CHECKING:
    import pyarrow as pa

TableReader = Callable[..., "pa.Table"]
"""`Store.read`, as export stages get it."""


class Store:
    """Tables and ledger of one dataset folder.

    Args:
        root: the dataset folder; it need not exist yet.
        stages: all stages; they tell which stage writes which table.
    """

    def __init__(self, root: Path, stages: Sequence[StageSpec]) -> None:
        self.root = root
        self.stages = {spec.name: spec for spec in stages}
        self._layout = Layout(root, self.stages)
        self._whole_tables: dict[str, pa.Table] = {}

    def require(self) -> None:
        """Raise UsageError when there is no dataset here."""
        if not (self.root / "ledger").is_dir() and not (self.root / "units").is_dir():
            raise UsageError(
                f"there is no dataset in {self.root}; make one with "
                f"`ophvl ingest --source list.txt --out {self.root}`"
            )

    def upgrade(self, note: Callable[[str], None]) -> None:
        """Bring a folder of an earlier version to the form of this one; no stage runs again for it.

        Args:
            note: called with a message if there is anything to do.

        Raises:
            UsageError: the folder cannot be written.
        """
        upgrade(self._layout, note)

    # Reading

    def entries(self, stage: str) -> dict[str, Entry]:
        """Return the latest ledger entry of each unit of `stage`, without retracted ones.

        Units of a line stage are the lines and the videos that they lead to.
        """
        return read_ledger(self._layout, stage)

    def uncompacted_entry(self, stage: str, unit: str) -> Entry | None:
        """Return the entry of a result that is not compacted yet; None where there is none."""
        path = self._layout.result_path(stage, unit)
        return read_entries(path)[0] if path.exists() else None

    def hashed_columns(self, table: str) -> list[str]:
        """Return the columns of `table` that any stage reads: those whose change must be noticed."""
        columns = {c for spec in self.stages.values() for c in spec.reads.get(table, ())}
        return sorted(columns)

    def hashes(self, tables: Iterable[str]) -> dict[str, dict[str, ColumnHashes]]:
        """Return column hashes by table and source video, from the ledger of the stages that wrote them."""
        requested = set(tables)
        hashes: dict[str, dict[str, ColumnHashes]] = {table: {} for table in requested}
        for spec in self.stages.values():
            if not requested & set(spec.writes):
                continue
            for entry in self.entries(spec.name).values():
                for table in requested & set(entry.hashes):
                    hashes[table].update(entry.hashes[table])
        return hashes

    def read(
        self,
        table: str,
        columns: Sequence[str] | None = None,
        video_ids: Iterable[str] | None = None,
    ) -> pa.Table:
        """Read rows of `table`, sorted by primary key; only `columns` and `video_ids` where given.

        Raises:
            SchemaError: a stored file does not fit this version's schema.
        """
        requested = None if video_ids is None else frozenset(video_ids)
        return read_table(self._layout, table, columns, requested)

    def read_unit(self, table: str, unit: str) -> pa.Table:
        """Read the rows of `table` that belong to one source video.

        Tables of line stages and of the whole corpus are small: they are read once and cached.
        """
        if self._layout.writers[table].scope is Scope.UNIT:
            return self.read(table, video_ids=[unit])
        if table not in self._whole_tables:
            self._whole_tables[table] = self.read(table)
        return select_rows(self._whole_tables[table], "video_id", [unit])

    def listed_lines(self) -> set[str]:
        """Return the ids of the lines of all source lists that still exist, as last recorded."""
        paths = (self.root / SOURCE_LISTS).glob("*.json")
        records = [_read_source_list(path) for path in paths]
        existing = [line_ids for list_path, line_ids in records if Path(list_path).exists()]
        return {line_id for line_ids in existing for line_id in line_ids}

    # Writing

    def commit(self, entry: Entry, tables: Mapping[str, pa.Table]) -> None:
        """Make one unit's ledger entry and rows durable in one rename."""
        write_result(self._layout.result_path(entry.stage, entry.unit), [entry], tables)

    def commit_batch(self, entries: Sequence[Entry], tables: Mapping[str, pa.Table]) -> None:
        """Make the results of several units of one stage durable in one rename."""
        first = entries[0]
        write_result(self._layout.batch_path(first.stage, first.unit), entries, tables)

    def append(self, table: str, rows: pa.Table) -> None:
        """Append rows to a table that no stage writes, such as `availability`."""
        import pyarrow.parquet as pq

        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        path = self.root / table / f"{stamp}-{secrets.token_hex(4)}.parquet"
        with replacing(path) as temporary:
            pq.write_table(rows, temporary, compression="zstd")

    def record_source_list(self, list_path: str, line_ids: Sequence[str]) -> None:
        """Record the lines of a source list, so that lines not expanded yet are counted too."""
        path = self._layout.source_list_path(list_path)
        text = json.dumps({"list_path": list_path, "line_ids": line_ids})
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_text(path, text)

    # Maintenance

    def compact(
        self,
        stage: str,
        partitions: Partitions = ALL_PARTITIONS,
        units: Iterable[str] | None = None,
    ) -> None:
        """Merge the result files of `stage` into its Parquet files and ledger segments.

        No worker may read or write these partitions meanwhile.

        Args:
            partitions: a batch is merged only when all of its units belong to these.
            units: only the results of these units, which saves listing all others.
        """
        compact(self._layout, stage, partitions, units)
        self._whole_tables.clear()

    def sweep(self, partitions: Partitions = ALL_PARTITIONS) -> None:
        """Remove what a crash left behind: partial files, and Parquet files that no segment names.

        The caller holds `partitions`. Files of other partitions stay, as other processes may be writing
        them; so do files of no partition, unless the caller holds all partitions.
        """
        sweep(self._layout, partitions)

    def sweep_lines(self) -> None:
        """Remove what a crash of a line stage left behind; only one run at a time may."""
        sweep_lines(self._layout)


def _read_source_list(path: Path) -> tuple[str, list[str]]:
    """Read the path of a source list and its lines, as `Store.record_source_list` wrote them."""
    with reading(
        path, "delete it, then run `ophvl ingest` with its list again: that writes it anew"
    ):
        record = json.loads(path.read_text(encoding="utf-8"))
        return record["list_path"], record["line_ids"]
