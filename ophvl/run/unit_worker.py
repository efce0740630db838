"""Take one source video through a chain of unit stages, committing after each.

This is the part of the runner that works inside the executor's processes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ophvl.dataset.ledger import ColumnHashes, Entry, EntryOutcome, input_hashes
from ophvl.dataset.store import Store
from ophvl.errors import DiskFullError, HostClosedError, ItemError
from ophvl.run.bound_stage import BoundStage, with_retries
from ophvl.run.results import commit_result, failed_entry, new_entry, retract
from ophvl.stage import Scope, StageSpec
from schemas.vocab import RETRIED, FailureKind, Pool

if TYPE_CHECKING:
    from ophvl.config import Settings


class _UnlistedVideo(Exception):
    """No line leads to the video any more: another run expanded its line again since this one planned."""


@dataclass(frozen=True, kw_only=True)
class UnitTask:
    """One source video, with what planning knows of it."""

    unit: str
    hashes: Mapping[str, ColumnHashes]
    """Hashes of the tables that earlier stages wrote for it: table to column to hash."""
    entries: Mapping[str, Entry]
    """Its ledger entries in the stages of the chain, before this run."""
    force: bool = False
    pool: Pool = Pool.CPU
    """The worker pool that processes it next."""
    new_entries: tuple[Entry, ...] = ()
    """Entries that other workers have committed for it in this run."""
    redelivered: bool = False
    """Whether its first worker died: what that committed is on disk."""

    def __str__(self) -> str:
        return self.unit


@dataclass(frozen=True, kw_only=True)
class UnitReport:
    """What was done for one source video or line: new entries, and the stages that were up to date.

    Where both are empty it is left for another run. `deferred` tells why it waits: its host accepts no
    requests for now.
    """

    unit: str
    entries: tuple[Entry, ...] = ()
    unchanged: tuple[str, ...] = ()
    deferred: HostClosedError | None = None


@dataclass(frozen=True, kw_only=True)
class WorkerSetup:
    """What a process of the executor needs to make a `UnitWorker`; pickles."""

    root: Path
    stages: Sequence[StageSpec]
    """All stages."""
    chain: Sequence[str]
    """The stages to run, by name."""
    configs: Mapping[str, Settings]
    retry: frozenset[FailureKind] = frozenset()
    """Failures of these kinds are tried again, besides those that always are."""

    def __call__(self) -> Callable[[UnitTask], UnitReport]:
        """Return the function that processes a task."""
        return UnitWorker(self).process


class UnitWorker:
    """Runs a chain of stages on one source video after another."""

    def __init__(self, setup: WorkerSetup) -> None:
        self._store = Store(setup.root, setup.stages)
        self._retry = RETRIED | setup.retry
        self._tables_of_lines = {
            table for spec in setup.stages if spec.scope is Scope.LINE for table in spec.writes
        }
        self._chain = [
            BoundStage(spec=spec, config=setup.configs[spec.name], folder=setup.root)
            for spec in setup.stages
            if spec.name in setup.chain
        ]

    def first_pending(self, task: UnitTask) -> StageSpec | None:
        """Return the first stage that has anything to do for a video; None when all are up to date."""
        hashes = dict(task.hashes)
        stopped = False
        for stage in self._chain:
            before = task.entries.get(stage.spec.name)
            if stopped:
                if before is not None:
                    return stage.spec
                continue
            if before is None or not self._is_current(before, _fingerprint(stage, hashes), task):
                return stage.spec
            stopped = _record_hashes(stage.spec, before, hashes)
        return None

    def process(self, task: UnitTask) -> UnitReport:
        """Take one source video through the chain; its first failure or drop ends it.

        Raises:
            DiskFullError: there is no room for its result.
        """
        hashes = dict(task.hashes)
        committed = {entry.stage: entry for entry in task.new_entries}
        if task.redelivered:
            committed |= self._uncompacted(task.unit)
        new = list(committed.values())
        unchanged: list[str] = []
        stopped = False
        for stage in self._chain:
            name = stage.spec.name
            before = task.entries.get(name)
            if stopped:
                if before is not None and name not in committed:
                    new.append(retract(self._store, name, task.unit))
                continue
            fingerprint = _fingerprint(stage, hashes)
            # A drop is decided again where an earlier stage ran, as that may have dropped the video before.
            undecided = bool(new) and before is not None and before.outcome is EntryOutcome.DROPPED
            if name in committed:
                entry = committed[name]
            elif (
                before is not None and not undecided and self._is_current(before, fingerprint, task)
            ):
                entry = before
                unchanged.append(name)
            else:
                try:
                    entry = self._run(stage, task.unit, fingerprint, before)
                except HostClosedError as err:
                    return UnitReport(
                        unit=task.unit, entries=tuple(new), unchanged=tuple(unchanged), deferred=err
                    )
                except _UnlistedVideo:
                    break
                new.append(entry)
            stopped = _record_hashes(stage.spec, entry, hashes)
        return UnitReport(unit=task.unit, entries=tuple(new), unchanged=tuple(unchanged))

    def _uncompacted(self, unit: str) -> dict[str, Entry]:
        """Return the entries that this run has committed for a video: earlier ones are compacted by now."""
        names = [stage.spec.name for stage in self._chain]
        entries = {name: self._store.uncompacted_entry(name, unit) for name in names}
        return {name: entry for name, entry in entries.items() if entry is not None}

    def _is_current(self, entry: Entry, fingerprint: str, task: UnitTask) -> bool:
        """Tell whether an entry is up to date; failures that may go away are tried again in every run."""
        if task.force or entry.fingerprint != fingerprint:
            return False
        return entry.outcome is not EntryOutcome.FAILED or entry.kind not in self._retry

    def _run(self, stage: BoundStage, unit: str, fingerprint: str, before: Entry | None) -> Entry:
        """Run one stage and commit its result or failure; return the new entry."""
        from schemas.catalogue import TABLES

        spec = stage.spec
        tables = {
            table: self._store.read_unit(table, unit).select(list(columns))
            for table, columns in spec.reads.items()
        }
        if any(not tables[table].num_rows for table in self._tables_of_lines & tables.keys()):
            raise _UnlistedVideo
        inputs: dict[str, object] = dict(tables)
        if spec.previous:
            inputs["previous"] = {
                table: self._store.read_unit(table, unit) if before else TABLES[table].empty()
                for table in spec.previous
            }
        entry = new_entry(spec.name, unit, fingerprint, before)
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


def _fingerprint(stage: BoundStage, hashes: Mapping[str, ColumnHashes]) -> str:
    """Return the stage's fingerprint from the present column hashes of the unit's tables."""
    inputs = {
        table: input_hashes(table, columns, hashes.get(table, {}))
        for table, columns in stage.spec.reads.items()
    }
    return stage.fingerprint(inputs)


def _record_hashes(spec: StageSpec, entry: Entry, hashes: dict[str, ColumnHashes]) -> bool:
    """Add the hashes of what a stage wrote to `hashes`; return whether the unit goes no further."""
    for table in spec.writes:
        hashes[table] = entry.hashes.get(table, {}).get(entry.unit, {})
    return entry.outcome is not EntryOutcome.EMITTED
