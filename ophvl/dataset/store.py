"""The dataset folder: tables and ledger on disk. The only module that knows where they lie.

    tables/<table>/<stage>-<part>-<generation>.parquet   rows, sorted by primary key
    ledger/<stage>/<part>.jsonl                           one header line, then one entry a line
    units/<stage>/<unit>.zip                              results not compacted yet: entries and tables
    <table>/<time>-<random>.parquet                       rows that are only ever added, such as checks
    lists/<16 hex of a list's path>.json                  the lines of a source list, asked or not

A unit's result is one zip file renamed into place: that is its commit. Quick results of many units may
share one, named `batch-...`. `compact` folds the zips of a part into one Parquet file per table and one
ledger segment. The segment names its Parquet files, so its rename makes all of them valid at once; what a
crash leaves behind is swept up by the next compact.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import secrets
import shutil
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ophvl.atomic_io import PARTIAL, replacing, write_text
from ophvl.dataset.ledger import ColumnHashes, Entry, EntryOutcome
from ophvl.errors import SchemaError, UsageError
from ophvl.partitions import ALL_PARTS, PARTS, Parts, part_of
from ophvl.stage import Scope, StageSpec

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP_BYTES = 8 * 2**20
"""What one read of a few rows takes off the disk."""

DROPPED = "dropped"

ADDED = frozenset({"availability"})
"""Tables that no stage writes: rows are added to them."""

_LISTS = "lists"

_ANYBODYS = frozenset({".locks", ".pace", _LISTS, *ADDED})
"""Folders that are written without a lock on any part."""

_WRITTEN_S = 60.0
"""What is half-written for so long there was left by a crash."""

_BATCH = "batch-"

_PART_IN_NAME = re.compile(r"-(?P<part>\d{3})-[0-9a-f]{8}\.parquet|^\.?(?P<segment>\d{3})\.jsonl")

_LOOKS = 40
_LOOK_AGAIN_S = 0.05
"""How often, and after what pause, a reader starts over when a running writer takes a file from under it."""

UNIT_COLUMNS = ("video_id", "line_id", "unit")
"""The columns that may tell which unit a row belongs to."""


class Store:
    """Tables and ledger of one dataset folder.

    Args:
        root: the dataset folder; it need not exist yet.
        stages: all stages; they tell which stage writes which table.
    """

    def __init__(self, root: Path, stages: Sequence[StageSpec]) -> None:
        self.root = root
        self.stages = {spec.name: spec for spec in stages}
        self._writers = {table: spec for spec in stages for table in spec.writes}
        self._whole_tables: dict[str, pa.Table] = {}

    def hashed_columns(self, table: str) -> list[str]:
        """The columns of `table` that any stage reads: those whose change must be noticed."""
        columns = {c for spec in self.stages.values() for c in spec.reads.get(table, ())}
        return sorted(columns)

    def entries(self, stage: str) -> dict[str, Entry]:
        """The ledger of `stage`: unit to its latest entry, void ones left out."""

        def look() -> dict[str, Entry]:
            # Pending ones first: what is compacted meanwhile then stands in a segment read later.
            pending = [e for path in self._pending(stage) for e in _read_entries(path)]
            entries: dict[str, Entry] = {}
            for path in sorted((self.root / "ledger" / stage).glob("*.jsonl")):
                entries |= _read_segment(path)[1]
            return entries | {entry.unit: entry for entry in pending}

        found = _beside_a_writer(look)
        return {u: e for u, e in found.items() if e.outcome is not EntryOutcome.RETRACTED}

    def hashes(self, tables: Iterable[str]) -> dict[str, dict[str, ColumnHashes]]:
        """Table to source video to column hashes, from the ledger of the stages that wrote them."""
        wanted = set(tables)
        hashes: dict[str, dict[str, ColumnHashes]] = {table: {} for table in wanted}
        for spec in self.stages.values():
            if not wanted & set(spec.writes):
                continue
            for entry in self.entries(spec.name).values():
                for table in wanted & set(entry.hashes):
                    hashes[table].update(entry.hashes[table])
        return hashes

    def commit(self, entry: Entry, tables: Mapping[str, pa.Table]) -> None:
        """Make one unit's result durable: its ledger entry and its rows, in one rename."""
        self._commit(self._pending_path(entry.stage, entry.unit), [entry], tables)

    def commit_batch(self, entries: Sequence[Entry], tables: Mapping[str, pa.Table]) -> None:
        """Make the results of several units of one stage durable in one rename."""
        first = entries[0]
        path = self._pending_path(first.stage, f"{_BATCH}{first.unit}")
        self._commit(path, entries, tables)

    def _commit(self, path: Path, entries: Sequence[Entry], tables: Mapping[str, pa.Table]) -> None:
        with (
            replacing(path) as temporary,
            zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive,
        ):
            archive.writestr("entries.jsonl", "\n".join(entry.to_json() for entry in entries))
            for name, table in tables.items():
                archive.writestr(f"{name}.arrow", _to_ipc(table))

    def pending_entry(self, stage: str, unit: str) -> Entry | None:
        """The entry of a result that is not compacted yet; None where there is none."""
        path = self._pending_path(stage, unit)
        return _read_entries(path)[0] if path.exists() else None

    def read(
        self,
        table: str,
        columns: Sequence[str] | None = None,
        video_ids: Iterable[str] | None = None,
    ) -> pa.Table:
        """Rows of `table`, sorted by primary key; only `columns` and `video_ids` when given.

        Raises:
            SchemaError: a stored file does not fit this version's schema.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        from schemas.catalogue import TABLES

        spec = TABLES[table]
        wanted = None if video_ids is None else frozenset(video_ids)
        # Only what is asked for leaves the disk: one column of `frames` must not load its pictures.
        keys = [*spec.primary_key, *(c for c in UNIT_COLUMNS if c in spec.arrow.names)]
        names = list(dict.fromkeys([*(spec.arrow.names if columns is None else columns), *keys]))
        if table == "failures":
            rows = self._failures()
        elif table in ADDED:
            rows = pa.concat_tables([spec.empty(), *self._added(table)]).select(names)
        else:
            pieces = _beside_a_writer(lambda: self._pieces(table, names, wanted))
            rows = pa.concat_tables([spec.empty().select(names), *pieces])
        if wanted is not None and "video_id" in names:
            value_set = pa.array(sorted(wanted), pa.string())
            rows = rows.filter(pc.is_in(rows.column("video_id"), value_set=value_set))
        rows = rows.sort_by([(key, "ascending") for key in spec.primary_key])
        return rows.select(list(columns)) if columns is not None else rows

    def read_unit(self, table: str, unit: str) -> pa.Table:
        """Rows of `table` that belong to one source video.

        Tables written for the whole corpus or by source line are small; they are kept in memory.
        """
        import pyarrow.compute as pc

        if self._writers[table].scope is Scope.UNIT:
            return self.read(table, video_ids=[unit])
        if table not in self._whole_tables:
            self._whole_tables[table] = self.read(table)
        rows = self._whole_tables[table]
        return rows.filter(pc.equal(rows.column("video_id"), unit))

    def append(self, table: str, rows: pa.Table) -> None:
        """Add rows to a table that no stage writes, such as `availability`: they are never changed."""
        import pyarrow.parquet as pq

        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        path = self.root / table / f"{stamp}-{secrets.token_hex(4)}.parquet"
        with replacing(path) as temporary:
            pq.write_table(rows, temporary, compression="zstd")

    def note_list(self, list_path: str, line_ids: Sequence[str]) -> None:
        """Keep which lines a source list has, so that those not asked yet are counted too."""
        name = hashlib.sha256(list_path.encode(errors="surrogateescape")).hexdigest()[:16]
        path = self.root / _LISTS / f"{name}.json"
        text = json.dumps({"list_path": list_path, "line_ids": line_ids})
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_text(path, text)

    def listed_lines(self) -> set[str]:
        """The lines of the source lists that are still there, as they last stood."""
        found = (json.loads(p.read_text("utf-8")) for p in (self.root / _LISTS).glob("*.json"))
        lists = [one for one in found if Path(one["list_path"]).exists()]
        return {line_id for one in lists for line_id in one["line_ids"]}

    def compact(
        self, stage: str, parts: Parts = ALL_PARTS, units: Iterable[str] | None = None
    ) -> None:
        """Fold the results of `stage` that are not compacted yet into its Parquet files and ledger.

        Nobody else may read or write the parts that are folded meanwhile.

        Args:
            units: those whose results are folded, where they are known: spares a look at all others.
        """
        by_part: dict[int, dict[str, tuple[Path, Entry]]] = defaultdict(dict)
        folded: set[Path] = set()
        found = None if units is None else self._pending_of(stage, frozenset(units)).values()
        for path in self._pending(stage) if found is None else found:
            if not path.name.startswith(_BATCH) and part_of(path.stem) not in parts:
                continue
            entries = _read_entries(path)
            if all(part_of(entry.unit) in parts for entry in entries):
                folded.add(path)
                for entry in entries:
                    by_part[part_of(entry.unit)][entry.unit] = (path, entry)
        if not folded:
            return
        opened: dict[tuple[Path, str], pa.Table | None] = {}
        for part, pending in sorted(by_part.items()):
            self._compact_part(stage, part, pending, opened)
        for path in folded:
            path.unlink()
        self._whole_tables.clear()

    def sweep(self, parts: Parts = ALL_PARTS) -> None:
        """Remove what a crash left behind: half-written files, and Parquet files no segment names.

        Files of parts that others may be writing stay; so does, unless all parts are ours, what
        belongs to no part.
        """
        self._sweep([self.root], lambda path: self._is_of(path, parts))

    def sweep_lines(self) -> None:
        """Remove what a crash of a stage that reads lines left behind. One run at a time may."""
        folders = [self.root / name for name in ("ledger", "units", "tables")]
        self._sweep(folders, self._is_of_lines)

    def _sweep(self, folders: Sequence[Path], ours: Callable[[Path], bool]) -> None:
        for path in [path for folder in folders for path in folder.rglob(f".*{PARTIAL}")]:
            if not ours(path):
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        live = {
            self.root / "tables" / table / name
            for stage in self.stages
            for segment in (self.root / "ledger" / stage).glob("*.jsonl")
            for table, name in _read_header(segment).items()
        }
        for path in (self.root / "tables").glob("*/*.parquet"):
            if path not in live and ours(path):
                path.unlink()

    def _is_of(self, path: Path, parts: Parts) -> bool:
        """Whether a file, perhaps half-written, belongs to these parts alone."""
        if path.relative_to(self.root).parts[0] in _ANYBODYS:
            with suppress(FileNotFoundError):
                return time.time() - path.stat().st_mtime > _WRITTEN_S
            return False
        if parts == ALL_PARTS:
            return True
        if self._is_of_lines(path):
            return False
        if path.relative_to(self.root).parts[0] in ("units", "media"):
            return part_of(path.name.removeprefix(".").partition(".")[0]) in parts
        found = _PART_IN_NAME.search(path.name)
        return found is not None and int(found["part"] or found["segment"]) in parts

    def _is_of_lines(self, path: Path) -> bool:
        """Whether a stage that reads lines wrote a file: its parts are shared by all runs."""
        folder, *rest = path.relative_to(self.root).parts
        if folder == "tables":
            stage = path.name.removeprefix(".").partition("-")[0]
        else:
            stage = rest[0] if folder in ("ledger", "units") else ""
        return stage in self.stages and self.stages[stage].scope is Scope.LINE

    def require(self) -> None:
        """Raise UsageError when there is no dataset here."""
        if not (self.root / "ledger").is_dir() and not (self.root / "units").is_dir():
            raise UsageError(
                f"there is no dataset in {self.root}; make one with "
                f"`ophvl ingest --source list.txt --out {self.root}`"
            )

    def _pending_path(self, stage: str, unit: str) -> Path:
        return self.root / "units" / stage / f"{unit}.zip"

    def _pending(self, stage: str) -> list[Path]:
        folder = self.root / "units" / stage
        try:
            names = os.listdir(folder)
        except FileNotFoundError:
            return []
        return [folder / n for n in sorted(names) if n.endswith(".zip") and not n.startswith(".")]

    def _pending_of(self, stage: str, units: frozenset[str] | None) -> dict[str, Path]:
        if units is None:
            return {unit: path for path in self._pending(stage) for unit in _units_in(path)}
        paths = {unit: self._pending_path(stage, unit) for unit in units}
        return {unit: path for unit, path in paths.items() if path.exists()}

    def _writing_stages(self, table: str) -> list[StageSpec]:
        if table == DROPPED:
            return list(self.stages.values())
        return [self._writers[table]] if table in self._writers else []

    def _pieces(
        self, table: str, names: list[str], video_ids: frozenset[str] | None
    ) -> list[pa.Table]:
        """The live rows of `table`: compacted ones that no pending result voids, and pending ones."""
        pieces: list[pa.Table] = []
        for spec in self._writing_stages(table):
            units = video_ids if spec.scope is Scope.UNIT else None
            stamps = self._stamps(spec)
            pending = self._pending_of(spec.name, units)
            for part, of_part in _by_part(units).items():
                piece = self._segment_rows(spec, table, part, names, of_part)
                if piece is not None:
                    pieces.append(_without(piece, spec, table, pending))
            for path in sorted(set(pending.values())):
                rows = self._pending_rows(path, table)
                if rows is not None:
                    pieces.append(rows.select(names))
            if self._stamps(spec) != stamps:
                raise FileNotFoundError(f"{spec.name} was compacted meanwhile")
        return pieces

    def _stamps(self, spec: StageSpec) -> dict[str, int]:
        """When the parts of a line stage were compacted: a video may go from a line of one to another's."""
        paths = (self.root / "ledger" / spec.name).glob("*.jsonl")
        return {p.name: p.stat().st_mtime_ns for p in paths} if spec.scope is Scope.LINE else {}

    def _segment_rows(
        self,
        spec: StageSpec,
        table: str,
        part: int,
        names: list[str] | None = None,
        units: list[str] | None = None,
    ) -> pa.Table | None:
        segment = self._segment_path(spec.name, part)
        if not segment.exists():
            return None
        name = _read_header(segment).get(table)
        if name is None:
            return None
        import pyarrow.parquet as pq

        column = unit_column(spec, table)
        filters = [(column, "in", units)] if units is not None and column else None
        path = self.root / "tables" / table / name
        _require_schema(table, pq.read_schema(path), path)
        return pq.read_table(path, columns=names, filters=filters, partitioning=None)

    def _pending_rows(self, path: Path, table: str) -> pa.Table | None:
        import pyarrow as pa

        with zipfile.ZipFile(path) as archive:
            if f"{table}.arrow" not in archive.namelist():
                return None
            rows = pa.ipc.open_stream(archive.read(f"{table}.arrow")).read_all()
        _require_schema(table, rows.schema, path)
        return rows

    def _segment_path(self, stage: str, part: int) -> Path:
        return self.root / "ledger" / stage / f"{part:03d}.jsonl"

    def _compact_part(
        self,
        stage: str,
        part: int,
        pending: Mapping[str, tuple[Path, Entry]],
        opened: dict[tuple[Path, str], pa.Table | None],
    ) -> None:
        segment = self._segment_path(stage, part)
        old_files, entries = _read_segment(segment) if segment.exists() else ({}, {})
        spec = self.stages[stage]
        fresh = {unit: entry for unit, (_, entry) in pending.items()}
        paths = {unit: path for unit, (path, _) in pending.items()}
        new_entries = {
            unit: entry
            for unit, entry in {**entries, **fresh}.items()
            if entry.outcome is not EntryOutcome.RETRACTED
        }
        lines = [new_entries[unit].to_json() for unit in sorted(new_entries)]
        generation = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:8]
        files: dict[str, str] = {}
        for table in (*spec.writes, DROPPED):
            name = f"{stage}-{part:03d}-{generation}.parquet"
            if self._write_part(spec, table, part, paths, name, opened):
                files[table] = name
        write_text(segment, "\n".join([json.dumps({"tables": files}), *lines]) + "\n")
        for table, name in old_files.items():
            if files.get(table) != name:
                (self.root / "tables" / table / name).unlink(missing_ok=True)

    def _write_part(
        self,
        spec: StageSpec,
        table: str,
        part: int,
        pending: Mapping[str, Path],
        name: str,
        opened: dict[tuple[Path, str], pa.Table | None],
    ) -> bool:
        import pyarrow as pa
        import pyarrow.parquet as pq

        from schemas.catalogue import TABLES

        pieces = []
        for path in sorted(set(pending.values())):
            if not path.name.startswith(_BATCH):
                pieces.append(self._pending_rows(path, table))
                continue
            if (path, table) not in opened:  # Read once for all the parts it has rows of.
                opened[path, table] = self._pending_rows(path, table)
            rows = opened[path, table]
            pieces.append(None if rows is None else _of_units(rows, spec, table, pending))
        kept = self._segment_rows(spec, table, part)
        if kept is not None:
            pieces.append(_without(kept, spec, table, pending))
        fresh = [piece for piece in pieces if piece is not None]
        rows = pa.concat_tables([TABLES[table].empty(), *fresh])
        if not rows.num_rows:
            return False
        rows = rows.sort_by([(key, "ascending") for key in TABLES[table].primary_key])
        with replacing(self.root / "tables" / table / name) as temporary:
            # Small row groups: reading one video must not read the pictures of its whole part.
            per_group = max(1, ROW_GROUP_BYTES * rows.num_rows // rows.nbytes)
            pq.write_table(rows, temporary, row_group_size=per_group, compression="zstd")
        return True

    def _added(self, table: str) -> list[pa.Table]:
        import pyarrow.parquet as pq

        pieces = []
        for path in sorted((self.root / table).glob("*.parquet")):
            _require_schema(table, pq.read_schema(path), path)
            pieces.append(pq.read_table(path, partitioning=None))
        return pieces

    def _failures(self) -> pa.Table:
        import pyarrow as pa

        from schemas.outcomes import FAILURES

        failed = [
            entry
            for stage in self.stages
            for entry in self.entries(stage).values()
            if entry.outcome is EntryOutcome.FAILED
        ]
        columns: dict[str, list[object]] = {
            "unit": [e.unit for e in failed],
            "stage": [e.stage for e in failed],
            "kind": [str(e.kind) for e in failed],
            "message": [e.message for e in failed],
            "attempt": [e.attempt for e in failed],
            "failed_at": [_as_time(e.at) for e in failed],
        }
        return pa.table(columns, schema=FAILURES.arrow)


TableReader = Callable[..., "pa.Table"]
"""`Store.read`, as handed to export stages."""


Seen = TypeVar("Seen")


def _beside_a_writer(look: Callable[[], Seen]) -> Seen:
    """Look again when a file was compacted away between listing and reading it."""
    for _ in range(_LOOKS - 1):
        try:
            return look()
        except FileNotFoundError:
            time.sleep(_LOOK_AGAIN_S)
    return look()


def _by_part(units: frozenset[str] | None) -> dict[int, list[str] | None]:
    """Part to those of `units` that belong to it; every part when no units are named."""
    if units is None:
        return dict.fromkeys(range(PARTS))
    parts: dict[int, list[str] | None] = {}
    for part, of_part in groupby(sorted(units, key=part_of), key=part_of):
        parts[part] = sorted(of_part)
    return parts


def unit_column(spec: StageSpec, table: str) -> str | None:
    """The column that tells which of the stage's units a row belongs to; None when there is but one."""
    if table == DROPPED:
        return "unit"
    return {Scope.LINE: "line_id", Scope.UNIT: "video_id"}.get(spec.scope)


def _without(rows: pa.Table, spec: StageSpec, table: str, pending: Mapping[str, Path]) -> pa.Table:
    """`rows` without those of units that have a newer, pending result."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pending:
        return rows
    column = unit_column(spec, table)
    if column is None:
        return rows.slice(0, 0)
    newer = pa.array(sorted(pending), pa.string())
    return rows.filter(pc.invert(pc.is_in(rows.column(column), value_set=newer)))


def _read_header(segment: Path) -> dict[str, str]:
    with segment.open(encoding="utf-8") as file:
        tables: dict[str, str] = json.loads(file.readline())["tables"]
    return tables


def _read_segment(segment: Path) -> tuple[dict[str, str], dict[str, Entry]]:
    header, *lines = segment.read_text(encoding="utf-8").rstrip("\n").split("\n")
    entries = (Entry.from_json(line) for line in lines)
    return json.loads(header)["tables"], {entry.unit: entry for entry in entries}


def _of_units(rows: pa.Table, spec: StageSpec, table: str, units: Iterable[str]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    column = unit_column(spec, table)
    return rows.filter(
        pc.is_in(rows.column(column), value_set=pa.array(sorted(units), pa.string()))
    )


def _units_in(path: Path) -> list[str]:
    """The units whose results a pending file holds."""
    if path.name.startswith(_BATCH):
        return [entry.unit for entry in _read_entries(path)]
    return [path.stem]


def _read_entries(path: Path) -> list[Entry]:
    with zipfile.ZipFile(path) as archive:
        text = archive.read("entries.jsonl").decode()
    return [Entry.from_json(line) for line in text.split("\n")]


def _require_schema(table: str, schema: pa.Schema, path: Path) -> None:
    from schemas.catalogue import TABLES

    violations = TABLES[table].check_shape(schema.empty_table())
    if violations:
        raise SchemaError(
            f"{path} does not fit the schema of '{table}'; go on with the version of ophvl that "
            "wrote it, or start another folder with --out",
            violations,
        )


def _to_ipc(table: pa.Table) -> bytes:
    import pyarrow as pa

    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _as_time(text: str) -> object:
    return datetime.fromisoformat(text)
