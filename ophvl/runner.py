"""Run a range of stages: plan by fingerprint, skip what stands, call, check, commit, account.

The runner is the same for every stage and for every executor. It alone retries, and it alone decides
what is a recorded failure (`ItemError`) and what is a bug (any other exception, which stops the run).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from ophvl.atomic import replacing_folder
from ophvl.errors import UsageError
from ophvl.executors import local
from ophvl.ledger import WHOLE, ColumnHashes, Entry, EntryOutcome, covered
from ophvl.pins import check_pins
from ophvl.reporter import Reporter
from ophvl.source_lines import LineRunner
from ophvl.stage import Scope, SourceLine, StageSpec
from ophvl.store import Store, TableReader, part_of
from ophvl.unit_chain import (
    ChainSetup,
    OpenStage,
    UnitReport,
    UnitTask,
    commit_result,
    now,
    retract,
)

if TYPE_CHECKING:
    import pyarrow as pa
    from _typeshed import DataclassInstance


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How to run. `only` limits unit stages to these videos; `repin` accepts other models."""

    only: tuple[str, ...] = ()
    force: bool = False
    workers: int = 1
    repin: bool = False


class Runner:
    """Runs stages on one dataset folder, whose lock the caller holds.

    Args:
        store: the dataset folder.
        configs: the config of every stage by name.
        reporter: told how it goes.
    """

    def __init__(
        self,
        store: Store,
        configs: Mapping[str, DataclassInstance],
        options: RunOptions,
        reporter: Reporter,
    ) -> None:
        self._store = store
        self._stages = list(store.stages.values())
        self._configs = configs
        self._options = options
        self._reporter = reporter

    def pin(self, names: Sequence[str]) -> None:
        """Hold the folder to the models that the stages `names` use; call it before `run`.

        Raises:
            UsageError: the folder was made with other models, and `repin` is not set.
        """
        check_pins(
            self._store.root,
            [self._open(self._store.stages[name]) for name in names],
            repin=self._options.repin,
            note=self._reporter.note,
        )

    def run(self, names: Sequence[str], lines: Sequence[SourceLine] = ()) -> None:
        """Run the stages `names`, which follow each other; `lines` feed the first if it reads lines.

        Raises:
            UsageError: the folder's state does not allow it; the message says what next.
        """
        self._store.sweep()
        for stage in names:
            self._store.compact(stage)  # What an earlier, interrupted run left.
        chosen = [self._store.stages[name] for name in names]
        for scope, group in groupby(chosen, key=lambda spec: spec.scope):
            specs = list(group)
            try:
                if scope is Scope.UNIT:
                    self._run_units(specs)
                else:
                    for spec in specs:
                        self._run_whole(spec, lines)
            finally:
                for spec in specs:
                    self._store.compact(spec.name)

    def _open(self, spec: StageSpec) -> OpenStage:
        return OpenStage(spec=spec, config=self._configs[spec.name], folder=self._store.root)

    def _run_whole(self, spec: StageSpec, lines: Sequence[SourceLine]) -> None:
        if spec.scope is Scope.LINE:
            LineRunner(self._store, self._reporter, force=self._options.force).run(
                self._open(spec), lines
            )
        else:
            self._run_corpus(spec)

    # Source videos, one by one

    def _run_units(self, specs: Sequence[StageSpec]) -> None:
        ready = self._passed_before(specs[0])
        if not ready and not self._all_stopped_before(specs[0]):
            self._note_what_is_missing(specs[0])
        entries = {spec.name: self._store.entries(spec.name) for spec in specs}
        for name, of_stage in entries.items():
            for unit in sorted(set(of_stage) - set(ready)):
                if not self._options.only:
                    retract(self._store, name, unit)
        if self._options.only:
            unknown = sorted(set(self._options.only) - set(ready))
            if unknown:
                raise UsageError(
                    f"no video {', '.join(unknown)} is ready for stage {specs[0].name}; "
                    "`ophvl show VIDEO_ID` tells where it is"
                )
            ready = [unit for unit in ready if unit in self._options.only]
        written = {table for spec in specs for table in spec.writes}
        read = {table for spec in specs for table in spec.reads}
        hashes = self._hashes(read - written)
        tasks = [
            UnitTask(
                unit=unit,
                hashes={table: of_table.get(unit, {}) for table, of_table in hashes.items()},
                entries={name: e[unit] for name, e in entries.items() if unit in e},
                force=self._options.force,
            )
            for unit in ready
        ]
        setup = ChainSetup(
            root=self._store.root,
            stages=self._stages,
            chain=[spec.name for spec in specs],
            configs=self._configs,
        )
        self._reporter.started(setup.chain, len(tasks))
        workers = max(1, min(self._options.workers, len(tasks)))
        waiting = Counter(part_of(task.unit) for task in tasks)
        for report in local.run(setup, tasks, workers=workers):
            self._reporter.advanced(report)
            part = part_of(report.unit)
            waiting[part] -= 1
            if not waiting[part]:  # No worker reads or writes this part any more.
                for name in setup.chain:
                    self._store.compact(name, part)
        self._reporter.ended()

    def _note_what_is_missing(self, spec: StageSpec) -> None:
        earlier = self._stages[: self._stages.index(spec)]
        missing = [s.name for s in earlier if not self._store.entries(s.name)]
        if missing:
            self._reporter.note(
                f"no video is ready for stage {spec.name}: {', '.join(missing)} did not run yet; "
                f"`ophvl run {missing[0]}..{spec.name}` runs them first"
            )

    def _passed_before(self, spec: StageSpec) -> list[str]:
        """The source videos that all unit stages before `spec` have passed on, in list order."""
        videos = self._store.read("videos", ["video_id", "line_id"])
        numbers = self._store.read("sources", ["line_id", "list_path", "line_number"])
        place = {
            line: (path, number)
            for line, path, number in zip(*(c.to_pylist() for c in numbers.columns), strict=True)
        }
        lines = dict(zip(*(c.to_pylist() for c in videos.columns), strict=True))
        passed = set(lines)
        for earlier in self._stages[: self._stages.index(spec)]:
            entries = self._store.entries(earlier.name)
            if earlier.scope is Scope.UNIT:
                passed &= {u for u, e in entries.items() if e.outcome is EntryOutcome.EMITTED}
            elif earlier.scope is Scope.CORPUS:
                passed &= set(covered(entries))
        return sorted(passed, key=lambda unit: (place[lines[unit]], unit))

    def _all_stopped_before(self, spec: StageSpec) -> bool:
        """Whether every source video was dropped or failed before `spec`: nothing is left to wait for."""
        stopped = {
            unit
            for earlier in self._stages[: self._stages.index(spec)]
            if earlier.scope is Scope.UNIT
            for unit, entry in self._store.entries(earlier.name).items()
            if entry.outcome is not EntryOutcome.EMITTED
        }
        listed = self._store.read("videos", ["video_id"]).column("video_id").to_pylist()
        return bool(listed) and stopped.issuperset(listed)

    def _hashes(self, tables: Iterable[str]) -> dict[str, dict[str, ColumnHashes]]:
        """Table to source video to column hashes, from the ledger of the stages that wrote them."""
        wanted = set(tables)
        hashes: dict[str, dict[str, ColumnHashes]] = {table: {} for table in wanted}
        for spec in self._stages:
            if not wanted & set(spec.writes):
                continue
            for entry in self._store.entries(spec.name).values():
                for table in wanted & set(entry.hashes):
                    hashes[table].update(entry.hashes[table])
        return hashes

    # The whole corpus at once

    def _run_corpus(self, spec: StageSpec) -> None:
        stage = self._open(spec)
        ready = self._passed_before(spec)
        chosen = set(ready)
        hashes = {
            table: {
                unit: {name: columns.get(name, "") for name in spec.reads[table]}
                for unit, columns in of_table.items()
                if unit in chosen
            }
            for table, of_table in self._hashes(spec.reads).items()
        }
        mark = stage.fingerprint(hashes)
        before = self._store.entries(spec.name).get(WHOLE)
        folder = self._store.root / f"{spec.name}s"
        stands = before is not None and before.fingerprint == mark and not self._options.force
        if stands and (spec.scope is Scope.CORPUS or folder.is_dir()):
            self._reporter.started([spec.name], 1)
            self._reporter.advanced(UnitReport(unit=WHOLE, unchanged=(spec.name,)))
            self._reporter.ended()
            return
        if not ready and not self._all_stopped_before(spec):
            raise UsageError(
                f"no video is ready for stage {spec.name}; run the stages before it first, "
                "and see `ophvl status` for what became of each video"
            )
        self._reporter.started([spec.name], 1)
        entry = Entry(
            stage=spec.name,
            unit=WHOLE,
            fingerprint=mark,
            outcome=EntryOutcome.EMITTED,
            at=now(),
        )
        started = time.monotonic()
        if spec.scope is Scope.EXPORT:
            with replacing_folder(folder) as temporary:
                stage.call(_reader_of(self._store, chosen), folder=temporary)
            took_s = round(time.monotonic() - started, 3)
            entry = replace(
                entry, seconds=took_s, hashes={folder.name: {unit: {} for unit in ready}}
            )
            self._store.commit(entry, {})
        else:
            inputs: dict[str, pa.Table] = {
                table: self._store.read(table, columns, video_ids=chosen)
                for table, columns in spec.reads.items()
            }
            entry = commit_result(self._store, entry, stage.call(**inputs), started=started)
        self._reporter.advanced(UnitReport(unit=WHOLE, entries=(entry,)))
        self._reporter.ended()


def _reader_of(store: Store, chosen: set[str]) -> TableReader:
    """`store.read` as if the folder held these source videos alone, so that no stuck one gets out."""

    def read(
        table: str, columns: Sequence[str] | None = None, video_ids: Iterable[str] | None = None
    ) -> pa.Table:
        asked = chosen if video_ids is None else chosen.intersection(video_ids)
        return store.read(table, columns, asked)

    return read
