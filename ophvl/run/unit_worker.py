"""Take one source video through a chain of unit stages, committing after each.

This is the part of the runner that works inside the executor's processes.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ophvl.dataset.ledger import (
    ColumnHashes,
    Entry,
    EntryOutcome,
    TableHashes,
    fingerprint,
    hash_columns,
)
from ophvl.dataset.store import Store, unit_column
from ophvl.errors import DiskFullError, HostClosedError, ItemError
from ophvl.stage import Port, Scope, StageResult, StageSpec
from schemas.outcomes import DROPPED, DroppedRow
from schemas.vocab import RETRIED, TRANSIENT, FailureKind, Pool

if TYPE_CHECKING:
    import pyarrow as pa

    from ophvl.config import Settings

TRIES = 3
"""How often a transient failure is tried within one run."""

PAUSE_S = 2.0
"""Wait before the second try; doubled before each further one."""

LONGEST_PAUSE_S = 60.0
"""Asked to wait for longer, a failure is recorded at once: the next run tries again."""


class _Gone(Exception):
    """Its line leads to a video no longer: another run asked the line anew since this one planned."""


class StageBug(Exception):
    """A stage handed back what it may not: a bug of ours, whatever the input was."""


@dataclass(frozen=True, kw_only=True)
class UnitTask:
    """One source video, with what planning knows of it."""

    unit: str
    hashes: Mapping[str, ColumnHashes]
    """Hashes of the tables that earlier stages wrote for it: table to column to hash."""
    entries: Mapping[str, Entry]
    """Its present ledger entries in the stages of the chain."""
    force: bool = False
    pool: Pool = Pool.CPU
    """The workers that take it up."""
    made: tuple[Entry, ...] = ()
    """What other workers have made of it in this run."""
    again: bool = False
    """The worker that had it died: what it committed before is on disk."""

    def __str__(self) -> str:
        return self.unit


@dataclass(frozen=True, kw_only=True)
class UnitReport:
    """What was done for one source video: new entries, and the stages that needed nothing.

    Where both are empty it is left for another run. `held` tells why it waits: its host wants no
    requests for now.
    """

    unit: str
    entries: tuple[Entry, ...] = ()
    unchanged: tuple[str, ...] = ()
    held: HostClosedError | None = None


@dataclass(frozen=True, kw_only=True)
class OpenStage:
    """A stage made ready to be called: its function, its config and its ports."""

    spec: StageSpec
    config: Settings
    folder: Path

    @cached_property
    def ports(self) -> dict[str, Port]:
        return {
            name: cast(Port, resolve(entry)(self.config, self.folder))
            for name, entry in self.spec.ports.items()
        }

    def fingerprint(self, inputs: object) -> str:
        revisions = {name: port.revision for name, port in self.ports.items()}
        return fingerprint(self.spec, self.config, revisions, inputs)

    def call(self, *args: object, **inputs: object) -> StageResult:
        return self.spec.run(*args, **inputs, config=self.config, **self.ports)


@dataclass(frozen=True, kw_only=True)
class ChainSetup:
    """How a process of the executor gets ready; pickles."""

    root: Path
    stages: Sequence[StageSpec]
    chain: Sequence[str]
    configs: Mapping[str, Settings]
    retry: frozenset[FailureKind] = frozenset()
    """Failures of these kinds are tried again, besides those that always are."""

    def __call__(self) -> Callable[[UnitTask], UnitReport]:
        return UnitChain(self).process


class UnitChain:
    """The stages of a chain, opened."""

    def __init__(self, setup: ChainSetup) -> None:
        self._store = Store(setup.root, setup.stages)
        self._retry = RETRIED | setup.retry
        self._of_lines = {
            table for spec in setup.stages if spec.scope is Scope.LINE for table in spec.writes
        }
        self._open = [
            OpenStage(spec=spec, config=setup.configs[spec.name], folder=setup.root)
            for spec in setup.stages
            if spec.name in setup.chain
        ]

    def due(self, task: UnitTask) -> StageSpec | None:
        """The first stage that has anything to do for a source video; None when all of it stands."""
        hashes = dict(task.hashes)
        stopped = False
        for stage in self._open:
            before = task.entries.get(stage.spec.name)
            if stopped:
                if before is not None:
                    return stage.spec
                continue
            if before is None or not self._holds(before, _mark(stage, hashes), task):
                return stage.spec
            stopped = _pass_on(stage.spec, before, hashes)
        return None

    def process(self, task: UnitTask) -> UnitReport:
        """Take one source video through the chain; its first failure or drop ends it.

        Raises:
            DiskFullError: there is no room for its result.
        """
        hashes = dict(task.hashes)
        fresh = {entry.stage: entry for entry in task.made}
        if task.again:
            fresh |= self._committed(task.unit)
        made = list(fresh.values())
        unchanged: list[str] = []
        stopped = False
        for stage in self._open:
            name = stage.spec.name
            before = task.entries.get(name)
            if stopped:
                if before is not None and name not in fresh:
                    made.append(retract(self._store, name, task.unit))
                continue
            mark = _mark(stage, hashes)
            # A drop is judged anew where an earlier stage was: it may have kept the video out till now.
            anew = bool(made) and before is not None and before.outcome is EntryOutcome.DROPPED
            if name in fresh:
                entry = fresh[name]
            elif before is not None and not anew and self._holds(before, mark, task):
                entry = before
                unchanged.append(name)
            else:
                try:
                    entry = self._run(stage, task.unit, mark, before)
                except HostClosedError as held:
                    return UnitReport(
                        unit=task.unit, entries=tuple(made), unchanged=tuple(unchanged), held=held
                    )
                except _Gone:
                    break
                made.append(entry)
            stopped = _pass_on(stage.spec, entry, hashes)
        return UnitReport(unit=task.unit, entries=tuple(made), unchanged=tuple(unchanged))

    def _committed(self, unit: str) -> dict[str, Entry]:
        """What was committed for a source video in this run: earlier results are compacted by now."""
        found = ((s.spec.name, self._store.pending_entry(s.spec.name, unit)) for s in self._open)
        return {name: entry for name, entry in found if entry is not None}

    def _holds(self, entry: Entry, mark: str, task: UnitTask) -> bool:
        """Whether an entry still stands: failures that may go away are tried again in every run."""
        if task.force or entry.fingerprint != mark:
            return False
        return entry.outcome is not EntryOutcome.FAILED or entry.kind not in self._retry

    def _run(self, stage: OpenStage, unit: str, mark: str, before: Entry | None) -> Entry:
        from schemas.catalogue import TABLES

        spec = stage.spec
        read = {
            table: self._store.read_unit(table, unit).select(list(columns))
            for table, columns in spec.reads.items()
        }
        if any(not rows.num_rows for table, rows in read.items() if table in self._of_lines):
            raise _Gone
        inputs: dict[str, object] = dict(read)
        if spec.previous:
            inputs["previous"] = {
                table: self._store.read_unit(table, unit) if before else TABLES[table].empty()
                for table in spec.previous
            }
        entry = Entry(
            stage=spec.name,
            unit=unit,
            fingerprint=mark,
            outcome=EntryOutcome.EMITTED,
            at=now(),
            attempt=before.attempt + 1 if before and before.outcome is EntryOutcome.FAILED else 1,
        )
        started = time.monotonic()
        try:
            result = with_retries(lambda: stage.call(**inputs))
        except ItemError as err:
            if err.kind is FailureKind.DISK_FULL:
                raise DiskFullError(self._store.root, str(err)) from err
            failed = failed_entry(entry, err, started=started)
            self._store.commit(failed, {})
            return failed
        return commit_result(self._store, entry, result, started=started)


def _mark(stage: OpenStage, hashes: Mapping[str, ColumnHashes]) -> str:
    """The stage's fingerprint, from the hashes of what the unit has by now."""
    inputs = {
        table: {column: hashes.get(table, {}).get(column, "") for column in columns}
        for table, columns in stage.spec.reads.items()
    }
    return stage.fingerprint(inputs)


def _pass_on(spec: StageSpec, entry: Entry, hashes: dict[str, ColumnHashes]) -> bool:
    """Note what a stage wrote for the stages after it; return whether the unit ends here."""
    for table in spec.writes:
        hashes[table] = entry.hashes.get(table, {}).get(entry.unit, {})
    return entry.outcome is not EntryOutcome.EMITTED


def commit_result(store: Store, entry: Entry, result: StageResult, *, started: float) -> Entry:
    """Check what a stage handed back, and make it durable.

    Raises:
        StageBug: the rows break their schema.
    """
    _check_output(store.stages[entry.stage], entry.unit, result)
    ends = [drop for drop in result.dropped if drop.row_id == entry.unit]
    done = replace(
        entry,
        outcome=EntryOutcome.DROPPED if ends else EntryOutcome.EMITTED,
        message=f"{ends[0].reason}: {ends[0].message}" if ends else "",
        seconds=round(time.monotonic() - started, 3),
        rows={name: table.num_rows for name, table in result.tables.items()},
        hashes=_table_hashes(store, result.tables),
    )
    store.commit(done, {**result.tables, **_dropped_table(done, result)})
    return done


def failed_entry(
    entry: Entry, err: ItemError | HostClosedError, *, started: float, where: str = ""
) -> Entry:
    """`entry` as a recorded failure."""
    return replace(
        entry,
        outcome=EntryOutcome.FAILED,
        kind=err.kind,
        # File names may hold bytes that are no text; no table stores them as they are.
        message=f"{where}{err}".encode(errors="backslashreplace").decode(),
        seconds=round(time.monotonic() - started, 3),
    )


def _check_output(spec: StageSpec, unit: str, result: StageResult) -> None:
    """Check that a stage wrote the tables it declares, by their schemas, and for its unit alone."""
    import pyarrow.compute as pc

    if set(result.tables) != set(spec.writes):
        raise StageBug(
            f"stage {spec.name} for {unit} wrote {sorted(result.tables)}, "
            f"but declares {sorted(spec.writes)}"
        )
    check_rows(f"stage {spec.name} for {unit}", result.tables)
    for name, table in result.tables.items():
        column = unit_column(spec, name)
        if column and pc.any(pc.not_equal(table.column(column), unit)).as_py():
            raise StageBug(f"stage {spec.name} made rows of {name} for another unit than {unit}")


def check_rows(maker: str, tables: Mapping[str, pa.Table]) -> None:
    """Check rows against the schemas of their tables.

    Raises:
        StageBug: they break them; names `maker`.
    """
    from schemas.catalogue import TABLES

    violations = [v for name, table in tables.items() for v in TABLES[name].check(table)]
    if violations:
        found = "\n  ".join(map(str, violations))
        raise StageBug(f"{maker} made rows that break the schema:\n  {found}")


def _table_hashes(store: Store, tables: Mapping[str, pa.Table]) -> TableHashes:
    """Hashes of the columns that later stages read."""
    return {name: hash_columns(t, store.hashed_columns(name)) for name, t in tables.items()}


def retract(store: Store, stage: str, unit: str) -> Entry:
    """Void what `stage` once wrote for `unit`, since an earlier stage no longer passes it on."""
    entry = Entry(stage=stage, unit=unit, fingerprint="", outcome=EntryOutcome.RETRACTED, at=now())
    store.commit(entry, {})
    return entry


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def resolve(entry: str) -> Callable[..., object]:
    """The function that `module:function` names."""
    module, _, name = entry.partition(":")
    return cast(Callable[..., object], getattr(importlib.import_module(module), name))


def _dropped_table(entry: Entry, result: StageResult) -> dict[str, pa.Table]:
    if not result.dropped:
        return {}
    rows = [
        DroppedRow(
            row_id=drop.row_id,
            unit=entry.unit,
            stage=entry.stage,
            reason=drop.reason,
            message=drop.message,
        )
        for drop in result.dropped
    ]
    return {DROPPED.name: DROPPED.table(rows)}


def with_retries(call: Callable[[], StageResult]) -> StageResult:
    """Call again after a pause when a failure may go away by itself."""
    for attempt in range(1, TRIES):
        try:
            return call()
        except ItemError as err:
            asked_s = err.retry_after_s or 0.0
            if err.kind not in TRANSIENT or asked_s > LONGEST_PAUSE_S:
                raise
            time.sleep(max(asked_s, PAUSE_S * 2 ** (attempt - 1)))
    return call()
