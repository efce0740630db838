"""Choose the source videos for which a chain of stages has anything to do, and their order.

In: the ledger, and the location of each video. Out: tasks for the executor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ophvl.dataset.ledger import Entry, EntryOutcome
from ophvl.dataset.store import Store
from ophvl.download.rate_limiter import host_of
from ophvl.run.reporter import Reporter
from ophvl.run.unit_worker import UnitReport, UnitTask, UnitWorker, WorkerSetup
from ophvl.run.video_state import closed_host_check
from ophvl.sources.source_list import is_url
from ophvl.stage import StageSpec
from schemas.vocab import Pool


@dataclass(frozen=True, kw_only=True)
class UnitPlanner:
    """Plans the videos of one run, which may plan several times.

    Args:
        limit: the most videos that the whole run processes.
        downloads: workers for the network; with 0, those that compute download too.
    """

    store: Store
    reporter: Reporter
    limit: int | None
    downloads: int
    force: bool
    selected: set[str] = field(default_factory=set)
    """The videos that count for the limit."""
    forced: set[tuple[str, str]] = field(default_factory=set)
    """What `force` has run again already: the first stage of a chain, or the line stage, and the unit."""

    def tasks(
        self,
        setup: WorkerSetup,
        specs: Sequence[StageSpec],
        entries: Mapping[str, Mapping[str, Entry]],
        locations: Mapping[str, str],
    ) -> list[UnitTask]:
        """Return a task for each video that has anything to do; report the others as unchanged.

        Args:
            entries: the ledger of each stage of the chain, by stage and unit.
            locations: URL or path of each video, in list order.
        """
        written = {table for spec in specs for table in spec.writes}
        read = {table for spec in specs for table in spec.reads}
        hashes = self.store.hashes(read - written)
        worker = UnitWorker(setup)
        tasks: list[UnitTask] = []
        for unit, location in locations.items():
            task = UnitTask(
                unit=unit,
                hashes={table: of_table.get(unit, {}) for table, of_table in hashes.items()},
                entries={name: e[unit] for name, e in entries.items() if unit in e},
                force=self.force and (specs[0].name, unit) not in self.forced,
            )
            pending = worker.first_pending(task)
            if pending is None:
                self.reporter.advanced(UnitReport(unit=unit, unchanged=tuple(setup.chain)))
            else:
                # Local files need no download.
                is_downloaded = is_url(location) and self.downloads
                remaining = specs[specs.index(pending) :]
                waits = any(spec.pool is Pool.NETWORK for spec in remaining)
                pool = Pool.NETWORK if is_downloaded and waits else Pool.CPU
                tasks.append(replace(task, pool=pool))
        return _interleave_hosts(self._within_limit(tasks, locations), locations)

    def _within_limit(
        self, tasks: Sequence[UnitTask], locations: Mapping[str, str]
    ) -> Sequence[UnitTask]:
        """Return as many tasks as the limit allows: new videos before failed ones, none of closed hosts."""
        if self.limit is None:
            return tasks
        is_closed = closed_host_check(self.store.root)
        for task in sorted(tasks, key=_has_failed):
            if len(self.selected) < self.limit and not is_closed(locations[task.unit]):
                self.selected.add(task.unit)
        for task in tasks:
            if task.unit not in self.selected:
                self.reporter.advanced(UnitReport(unit=task.unit))
        return [task for task in tasks if task.unit in self.selected]


def _has_failed(task: UnitTask) -> bool:
    return any(entry.outcome is EntryOutcome.FAILED for entry in task.entries.values())


def _interleave_hosts(tasks: Sequence[UnitTask], locations: Mapping[str, str]) -> list[UnitTask]:
    """Order downloads so that hosts alternate: else all workers wait for the rate limit of the first."""
    counts: Counter[str] = Counter()
    ranks = []
    for task in tasks:
        location = locations[task.unit]
        host = host_of(location) if is_url(location) else ""
        ranks.append((counts[host], task))
        counts[host] += 1
    return [task for _, task in sorted(ranks, key=lambda ranked: ranked[0])]
