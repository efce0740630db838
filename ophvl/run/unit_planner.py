"""Which source videos a chain of stages has anything to do for, and in what order.

In: the ledger, and where each video lies. Out: tasks for the executor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ophvl.dataset.ledger import Entry, EntryOutcome
from ophvl.dataset.store import Store
from ophvl.download.rate_limiter import closed_hosts, host_of
from ophvl.run.reporter import Reporter
from ophvl.run.unit_worker import ChainSetup, UnitChain, UnitReport, UnitTask
from ophvl.sources.source_list import is_url
from ophvl.stage import StageSpec
from schemas.vocab import Pool


@dataclass(frozen=True, kw_only=True)
class UnitPlan:
    """Plans the videos of one run, which may come to them several times.

    `limit` is for all of it; where there are no `downloads`, those that compute fetch too.
    """

    store: Store
    reporter: Reporter
    limit: int | None
    downloads: int
    force: bool
    taken: set[str] = field(default_factory=set)
    """Videos for which anything was to be done."""
    forced: set[tuple[str, str]] = field(default_factory=set)
    """The first stage of a chain, or that of lines, with the units that it did as forced."""

    def tasks(
        self,
        setup: ChainSetup,
        specs: Sequence[StageSpec],
        entries: Mapping[str, Mapping[str, Entry]],
        places: Mapping[str, str],
    ) -> list[UnitTask]:
        """The videos for which anything is to be done; `places` tells where each lies, in list order."""
        written = {table for spec in specs for table in spec.writes}
        read = {table for spec in specs for table in spec.reads}
        hashes = self.store.hashes(read - written)
        chain = UnitChain(setup)
        todo: list[UnitTask] = []
        for unit, place in places.items():
            task = UnitTask(
                unit=unit,
                hashes={table: of_table.get(unit, {}) for table, of_table in hashes.items()},
                entries={name: e[unit] for name, e in entries.items() if unit in e},
                force=self.force and (specs[0].name, unit) not in self.forced,
            )
            due = chain.due(task)
            if due is None:
                self.reporter.advanced(UnitReport(unit=unit, unchanged=tuple(setup.chain)))
            else:
                # What lies on this machine needs no download.
                fetched = is_url(place) and self.downloads
                waits = any(spec.pool is Pool.NETWORK for spec in specs[specs.index(due) :])
                todo.append(replace(task, pool=Pool.NETWORK if fetched and waits else Pool.CPU))
        return _host_by_host(self._within_limit(todo, places), places)

    def _within_limit(
        self, todo: Sequence[UnitTask], places: Mapping[str, str]
    ) -> Sequence[UnitTask]:
        """As many videos as the limit allows: new ones before those that failed, none of closed hosts."""
        limit = self.limit
        if limit is None:
            return todo
        is_closed = on_closed_host(self.store.root)
        for task in sorted(todo, key=_has_failed):
            if len(self.taken) < limit and not is_closed(places[task.unit]):
                self.taken.add(task.unit)
        for task in todo:
            if task.unit not in self.taken:
                self.reporter.advanced(UnitReport(unit=task.unit))
        return [task for task in todo if task.unit in self.taken]


def on_closed_host(root: Path) -> Callable[[str], bool]:
    """Tells whether a place lies on a host that wants no requests for now."""
    closed = {state.host for state in closed_hosts(root)}
    return lambda place: is_url(place) and host_of(place) in closed


def _has_failed(task: UnitTask) -> bool:
    return any(entry.outcome is EntryOutcome.FAILED for entry in task.entries.values())


def _host_by_host(tasks: Sequence[UnitTask], places: Mapping[str, str]) -> list[UnitTask]:
    """What is to be fetched in turns of its hosts: else all that fetch wait for the pace of the first."""
    seen: Counter[str] = Counter()
    turns = []
    for task in tasks:
        place = places[task.unit]
        host = host_of(place) if is_url(place) else ""
        turns.append((seen[host], task))
        seen[host] += 1
    return [task for _, task in sorted(turns, key=lambda one: one[0])]
