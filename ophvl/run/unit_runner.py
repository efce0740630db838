"""Take source videos through a chain of unit stages: plan them, give them to an executor, compact."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ophvl.dataset.ledger import Entry, EntryOutcome
from ophvl.dataset.store import Store
from ophvl.errors import HostClosedError, UsageError
from ophvl.partitions import Partitions, partition_of
from ophvl.run.executors import local
from ophvl.run.executors.scheduler import PoolSpec
from ophvl.run.options import RunOptions
from ophvl.run.reporter import Reporter
from ophvl.run.results import retract
from ophvl.run.unit_planner import UnitPlanner
from ophvl.run.unit_worker import UnitReport, UnitTask, WorkerSetup
from ophvl.run.video_state import all_stopped_before, ready_videos, stages_before
from ophvl.stage import Scope, StageSpec
from schemas.vocab import FailureKind, Pool

if TYPE_CHECKING:
    from ophvl.config import Settings


class UnitRunner:
    """Runs chains of unit stages on the videos of one folder.

    Args:
        deferred: the lines and videos that wait for their host, each with the reason; kept up to date.
    """

    def __init__(
        self,
        store: Store,
        configs: Mapping[str, Settings],
        options: RunOptions,
        reporter: Reporter,
        deferred: dict[str, HostClosedError],
    ) -> None:
        self._store = store
        self._stages = list(store.stages.values())
        self._configs = configs
        self._options = options
        self._reporter = reporter
        self._deferred = deferred
        self.planner = UnitPlanner(
            store=store,
            reporter=reporter,
            limit=options.limit,
            downloads=options.downloads,
            force=options.force,
        )
        self.failed: set[str] = set()
        """Videos that failed in this run: they were tried often enough."""

    def run(
        self,
        specs: Sequence[StageSpec],
        *,
        chosen: Collection[str] | None = None,
        retry: Collection[FailureKind] = (),
    ) -> None:
        """Take every video that is ready through a chain of stages.

        Args:
            chosen: only these videos.
            retry: failures of these kinds are tried again, besides those that always are.

        Raises:
            UsageError: a video of `RunOptions.only` is not ready.
        """
        ready = ready_videos(self._store, specs[0])
        if chosen is None and not ready and not all_stopped_before(self._store, specs[0]):
            self._note_stages_to_run_first(specs[0])
        entries = {spec.name: self._store.entries(spec.name) for spec in specs}
        units = self._units_to_plan(specs[0], ready, chosen)
        if not self._options.only:
            self._retract_unready(entries, ready)
        setup = WorkerSetup(
            root=self._store.root,
            stages=self._stages,
            chain=[spec.name for spec in specs],
            configs=self._configs,
            retry=frozenset(retry),
        )
        self._reporter.started(setup.chain, len(units))
        tasks = self.planner.tasks(setup, specs, entries, {unit: ready[unit] for unit in units})
        dropped = self._process(setup, tasks)
        # Also what an earlier run dropped, in case it was interrupted before it retracted the rest.
        dropped |= {
            unit
            for of_stage in entries.values()
            for unit, entry in of_stage.items()
            if entry.outcome is EntryOutcome.DROPPED
            and partition_of(unit) in self._options.partitions
        }
        self._retract_after(specs[-1], dropped)
        self._reporter.ended()

    def _units_to_plan(
        self, spec: StageSpec, ready: Collection[str], chosen: Collection[str] | None
    ) -> list[str]:
        """Return the ready videos of our partitions that were chosen and may be tried."""
        units = [unit for unit in ready if partition_of(unit) in self._options.partitions]
        if self._options.only:
            unknown = sorted(set(self._options.only) - set(units))
            if unknown:
                raise UsageError(
                    f"no video {', '.join(unknown)} is ready for stage {spec.name}; "
                    "`ophvl show VIDEO_ID` tells where it is"
                )
            chosen = self._options.only
        if chosen is not None:
            units = [unit for unit in units if unit in chosen]
        return [unit for unit in units if unit not in self.failed and not self._waits(unit)]

    def _waits(self, unit: str) -> bool:
        """Tell whether a video was deferred and its host is still closed."""
        deferred = self._deferred.get(unit)
        return deferred is not None and deferred.until_s > time.time()

    def _process(self, setup: WorkerSetup, tasks: Sequence[UnitTask]) -> set[str]:
        """Do the tasks, and compact each partition after its last; return the videos that were dropped."""
        units: dict[int, list[str]] = defaultdict(list)
        for task in tasks:
            units[partition_of(task.unit)].append(task.unit)
        unreported = {partition: len(of_partition) for partition, of_partition in units.items()}
        dropped: set[str] = set()
        for report in self._execute(setup, tasks):
            self._reporter.advanced(report)
            outcomes = {entry.outcome for entry in report.entries}
            if report.deferred is not None:
                self._deferred[report.unit] = report.deferred
                self.planner.selected.discard(report.unit)
            else:
                self._deferred.pop(report.unit, None)  # Its host may have opened since.
                if self._options.force:
                    self.planner.forced.add((setup.chain[0], report.unit))
            if EntryOutcome.FAILED in outcomes:
                self.failed.add(report.unit)
            if EntryOutcome.DROPPED in outcomes:
                dropped.add(report.unit)
            partition = partition_of(report.unit)
            unreported[partition] -= 1
            if not unreported[partition]:  # No worker reads or writes this partition any more.
                for name in setup.chain:
                    self._store.compact(name, Partitions.only(partition), units[partition])
        return dropped

    def _execute(self, setup: WorkerSetup, tasks: Sequence[UnitTask]) -> Iterator[UnitReport]:
        """Yield the report of each task from the executor of the options."""
        options = self._options
        # The network pool runs the chain as far as its last stage of the network.
        chain = list(setup.chain)
        while chain and self._store.stages[chain[-1]].pool is not Pool.NETWORK:
            chain.pop()
        pools = {
            Pool.NETWORK: PoolSpec(setup=replace(setup, chain=chain), workers=options.downloads),
            Pool.CPU: PoolSpec(setup=setup, workers=options.workers),
        }
        if options.engine == "local":
            return local.run(pools, tasks, next_task=_next_task)
        from ophvl.run.executors import ray_cluster

        return ray_cluster.run(
            pools,
            tasks,
            next_task=_next_task,
            address=options.address,
            note=self._reporter.note,
        )

    def _retract_unready(
        self, entries: Mapping[str, Mapping[str, Entry]], ready: Collection[str]
    ) -> None:
        """Void the chain's results for videos that an earlier stage no longer passes on."""
        for name, of_stage in entries.items():
            for unit in sorted(set(of_stage) - set(ready)):
                if partition_of(unit) in self._options.partitions:
                    retract(self._store, name, unit)

    def _retract_after(self, spec: StageSpec, dropped: Collection[str]) -> None:
        """Void the results of later unit stages for videos that the chain dropped, e.g. taken down."""
        if not dropped:
            return
        for later in self._stages[self._stages.index(spec) + 1 :]:
            if later.scope is Scope.UNIT:
                void = sorted(self._store.entries(later.name).keys() & dropped)
                for unit in void:
                    retract(self._store, later.name, unit)
                self._store.compact(later.name, self._options.partitions, void)

    def _note_stages_to_run_first(self, spec: StageSpec) -> None:
        earlier = stages_before(self._store, spec)
        missing = [stage.name for stage in earlier if not self._store.entries(stage.name)]
        if missing:
            self._reporter.note(
                f"no video is ready for stage {spec.name}: {', '.join(missing)} did not run yet; "
                f"`ophvl run {missing[0]}..{spec.name}` runs them first"
            )


def _next_task(task: UnitTask, report: UnitReport) -> UnitTask | None:
    """Return the task that follows a download: the rest of the chain, unless its host closed."""
    if task.pool is Pool.CPU or report.deferred is not None:
        return None
    return replace(task, pool=Pool.CPU, new_entries=report.entries, redelivered=False)
