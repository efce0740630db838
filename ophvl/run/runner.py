"""Run a range of stages: plan by fingerprint, skip what stands, call, check, commit, account.

The runner is the same for every stage and for every executor. It alone retries, and it alone decides
what is a recorded failure (`ItemError`) and what is a bug (any other exception, which stops the run).
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ophvl.dataset.ledger import Entry, EntryOutcome, covered
from ophvl.dataset.store import Store
from ophvl.errors import HostClosedError, UsageError
from ophvl.lock import turn
from ophvl.partitions import ALL_PARTS, Parts, part_of
from ophvl.run.corpus_runner import run_corpus
from ophvl.run.executors import local
from ophvl.run.executors.scheduler import Leg
from ophvl.run.line_runner import LineRunner
from ophvl.run.model_pins import check_pins
from ophvl.run.reporter import Reporter
from ophvl.run.unit_planner import UnitPlan, on_closed_host
from ophvl.run.unit_worker import (
    ChainSetup,
    OpenStage,
    UnitReport,
    UnitTask,
    retract,
)
from ophvl.sources.source_list import source_line
from ophvl.stage import Scope, SourceLine, StageSpec
from schemas.vocab import FailureKind, Pool

if TYPE_CHECKING:
    from ophvl.config import Settings


_LINES_S = 300.0
"""How long lines are asked before the videos that they led to are taken on."""


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How to run.

    `only` limits unit stages to these videos, `parts` to a share of them, `limit` to so many that have
    anything to do; `repin` accepts other models. `workers` compute, `downloads` wait for the network; where
    there are none, those that compute do that too.
    """

    only: tuple[str, ...] = ()
    parts: Parts = ALL_PARTS
    limit: int | None = None
    force: bool = False
    workers: int = 1
    downloads: int = 4
    engine: Literal["local", "ray"] = "local"
    address: str | None = None
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
        configs: Mapping[str, Settings],
        options: RunOptions,
        reporter: Reporter,
    ) -> None:
        self._store = store
        self._stages = list(store.stages.values())
        self._configs = configs
        self._options = options
        self._reporter = reporter
        self._retry: frozenset[FailureKind] = frozenset()
        self._plan = UnitPlan(
            store=store,
            reporter=reporter,
            limit=options.limit,
            downloads=options.downloads,
            force=options.force,
        )
        self._failed: set[str] = set()
        """Videos that failed since `run` began: they were tried often enough."""
        self.held: dict[str, HostClosedError] = {}
        """The lines and videos that wait, each with why: its host wants no requests for now."""

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
        self._failed = set()
        self._store.sweep(self._options.parts)
        if self._store.stages[names[0]].scope is Scope.LINE:
            # Some lines are asked, then their videos fetched: not all of a list before the first.
            self._note_lists(lines)
            # Each time for longer: planning the videos anew stays a small part, however long the list is.
            runner = self._line_runner(names[1:])
            for turns in count(1):
                if self._run_lines(runner, names[0], lines, pause_after_s=turns * _LINES_S):
                    break
                self._run_groups(names[1:])
            names = names[1:]
        self._run_groups(names)

    def _run_groups(self, names: Sequence[str]) -> None:
        for specs in self._groups(names):
            if specs[0].scope is Scope.UNIT:
                self._run_units(specs)
            else:
                for spec in specs:
                    self._run_corpus(spec)

    def retry(self, names: Sequence[str], kinds: Collection[FailureKind]) -> None:
        """Try again what failed at one of the stages `names` for one of these reasons, nothing else."""
        self._retry = frozenset(kinds)
        self._store.sweep(self._options.parts)
        lines: list[SourceLine] = []
        if self._store.stages[names[0]].scope is Scope.LINE:
            lines = self._failed_lines(names[0])
            if lines:
                self._run_lines(self._line_runner(names[1:]), names[0], lines)
            names = names[1:]
        for specs in self._groups(names):
            if specs[0].scope is Scope.UNIT:
                failed = {
                    unit
                    for spec in specs
                    for unit, entry in self._store.entries(spec.name).items()
                    if entry.outcome is EntryOutcome.FAILED and entry.kind in self._retry
                }
                # A line that was mended has new videos.
                self._run_units(specs, failed | self._untried(specs[0], lines))

    def _groups(self, names: Sequence[str]) -> Iterator[list[StageSpec]]:
        """Stages that run together; what a broken run left is compacted before, their own results after."""
        parts = self._options.parts
        for name in names:
            self._store.compact(name, parts)
        chosen = [self._store.stages[name] for name in names]
        for _, group in groupby(chosen, key=lambda spec: spec.scope):
            specs = list(group)
            yield specs
            # Not after a fault: a run that lost its lock must leave the folder alone.
            for spec in specs:
                self._store.compact(spec.name, parts)

    def _open(self, spec: StageSpec) -> OpenStage:
        return OpenStage(spec=spec, config=self._configs[spec.name], folder=self._store.root)

    # The lines of a source list

    def _line_runner(self, after: Sequence[str]) -> LineRunner:
        """What asks lines; the videos that wait for the stages `after` count for the limit too."""
        limit = self._options.limit
        return LineRunner(
            self._store,
            self._reporter,
            forced=self._plan.forced if self._options.force else None,
            parts=self._options.parts,
            retry=self._retry,
            whole=not self._retry,
            limit=None
            if limit is None
            else max(0, limit - len(self._plan.taken | self._new(after))),
        )

    def _note_lists(self, lines: Sequence[SourceLine]) -> None:
        by_list: dict[str, list[str]] = defaultdict(list)
        for line in lines:
            by_list[line.list_path].append(line.line_id)
        for list_path, line_ids in by_list.items():
            self._store.note_list(list_path, line_ids)

    def _new(self, names: Sequence[str]) -> set[str]:
        """The videos of our parts that these stages have still to end, but for those of closed hosts."""
        is_closed = on_closed_host(self._store.root)
        videos = self._store.read("videos", ["video_id", "location"])
        waiting = {
            video
            for video, place in zip(*(c.to_pylist() for c in videos.columns), strict=True)
            if part_of(video) in self._options.parts and not is_closed(place)
        }
        for name in names:
            last = name == names[-1]
            for unit, entry in self._store.entries(name).items():
                if last or entry.outcome is not EntryOutcome.EMITTED:
                    waiting.discard(unit)
        return waiting

    def _run_lines(
        self,
        runner: LineRunner,
        name: str,
        lines: Sequence[SourceLine],
        *,
        pause_after_s: float | None = None,
    ) -> bool:
        """Run the line stage `name` on some lines; return whether none is left."""
        with turn(self._store.root, "lines", self._reporter.note):
            self._store.sweep_lines()
            self._store.compact(name)
            stage = self._open(self._store.stages[name])
            through = runner.run(stage, lines, pause_after_s=pause_after_s)
            self._store.compact(name)
        self.held |= runner.held
        return through

    def _failed_lines(self, name: str) -> list[SourceLine]:
        """The lines that failed for a reason to try again, as they stand in the table of lines."""
        failed = {
            line_id
            for line_id, entry in self._store.entries(name).items()
            if entry.outcome is EntryOutcome.FAILED and entry.kind in self._retry
        }
        columns = ["line_id", "list_path", "line_number", "text"]
        rows = self._store.read("sources", columns).to_pylist()
        return [
            source_line(row["line_id"], Path(row["list_path"]), row["line_number"], row["text"])
            for row in rows
            if row["line_id"] in failed
        ]

    def _untried(self, spec: StageSpec, lines: Sequence[SourceLine]) -> set[str]:
        """Videos of these lines that stage `spec` has not seen."""
        rows = self._store.read("videos", ["video_id", "line_id"])
        ids = {line.line_id for line in lines}
        known = self._store.entries(spec.name)
        return {
            video
            for video, line in zip(*(c.to_pylist() for c in rows.columns), strict=True)
            if line in ids and video not in known
        }

    # Source videos, one by one

    def _run_units(self, specs: Sequence[StageSpec], chosen: Collection[str] | None = None) -> None:
        """Take every video that is ready through a chain of stages, or just the chosen ones."""
        parts = self._options.parts
        places = self._passed_before(specs[0])
        ready = [unit for unit in places if part_of(unit) in parts]
        if chosen is None and not places and not self._all_stopped_before(specs[0]):
            self._note_what_is_missing(specs[0])
        entries = {spec.name: self._store.entries(spec.name) for spec in specs}
        if self._options.only:
            unknown = sorted(set(self._options.only) - set(ready))
            if unknown:
                raise UsageError(
                    f"no video {', '.join(unknown)} is ready for stage {specs[0].name}; "
                    "`ophvl show VIDEO_ID` tells where it is"
                )
            ready = [unit for unit in ready if unit in self._options.only]
        else:
            ready = [unit for unit in ready if chosen is None or unit in chosen]
            self._retract_unready(entries, places)
        ready = [unit for unit in ready if unit not in self._failed and not self._waits(unit)]
        setup = ChainSetup(
            root=self._store.root,
            stages=self._stages,
            chain=[spec.name for spec in specs],
            configs=self._configs,
            retry=self._retry,
        )
        self._reporter.started(setup.chain, len(ready))
        todo = self._plan.tasks(setup, specs, entries, {u: places[u] for u in ready})
        dropped = self._work(setup, todo)
        # Also what an earlier run dropped, in case it was broken off before it came to this.
        dropped |= {
            unit
            for of_stage in entries.values()
            for unit, entry in of_stage.items()
            if entry.outcome is EntryOutcome.DROPPED and part_of(unit) in parts
        }
        self._retract_after(specs[-1], dropped)
        self._reporter.ended()

    def _waits(self, unit: str) -> bool:
        """Whether the host of a video was found closed, and still is."""
        held = self.held.get(unit)
        return held is not None and held.until_s > time.time()

    def _work(self, setup: ChainSetup, todo: Sequence[UnitTask]) -> set[str]:
        """Do the tasks, and compact each part once it is through; return the videos that were dropped."""
        units: dict[int, list[str]] = defaultdict(list)
        for task in todo:
            units[part_of(task.unit)].append(task.unit)
        waiting = {part: len(of_part) for part, of_part in units.items()}
        dropped: set[str] = set()
        for report in self._execute(setup, todo):
            self._reporter.advanced(report)
            ends = {entry.outcome for entry in report.entries}
            if report.held is not None:
                self.held[report.unit] = report.held
                self._plan.taken.discard(report.unit)
            else:
                self.held.pop(report.unit, None)  # Its host may have opened since.
                if self._options.force:
                    self._plan.forced.add((setup.chain[0], report.unit))
            if EntryOutcome.FAILED in ends:
                self._failed.add(report.unit)
            if EntryOutcome.DROPPED in ends:
                dropped.add(report.unit)
            part = part_of(report.unit)
            waiting[part] -= 1
            if not waiting[part]:  # No worker reads or writes this part any more.
                for name in setup.chain:
                    self._store.compact(name, Parts.only(part), units[part])
        return dropped

    def _execute(self, setup: ChainSetup, tasks: Sequence[UnitTask]) -> Iterator[UnitReport]:
        options = self._options
        chain = list(setup.chain)
        while chain and self._store.stages[chain[-1]].pool is not Pool.NETWORK:
            chain.pop()
        legs = {
            Pool.NETWORK: Leg(setup=replace(setup, chain=chain), workers=options.downloads),
            Pool.CPU: Leg(setup=setup, workers=options.workers),
        }
        if options.engine == "local":
            return local.run(legs, tasks, onward=_onward)
        from ophvl.run.executors import ray_cluster

        return ray_cluster.run(
            legs, tasks, onward=_onward, address=options.address, note=self._reporter.note
        )

    def _retract_unready(
        self, entries: Mapping[str, Mapping[str, Entry]], ready: Collection[str]
    ) -> None:
        """Void what later stages made of videos that an earlier one no longer passes on."""
        for name, of_stage in entries.items():
            for unit in sorted(set(of_stage) - set(ready)):
                if part_of(unit) in self._options.parts:
                    retract(self._store, name, unit)

    def _retract_after(self, spec: StageSpec, dropped: Collection[str]) -> None:
        """Void what stages after a chain made of videos that it dropped, such as those taken down."""
        later = self._stages[self._stages.index(spec) + 1 :] if dropped else []
        for of_unit in (stage for stage in later if stage.scope is Scope.UNIT):
            made = sorted(self._store.entries(of_unit.name).keys() & dropped)
            for unit in made:
                retract(self._store, of_unit.name, unit)
            self._store.compact(of_unit.name, self._options.parts, made)

    def _note_what_is_missing(self, spec: StageSpec) -> None:
        earlier = self._stages[: self._stages.index(spec)]
        missing = [s.name for s in earlier if not self._store.entries(s.name)]
        if missing:
            self._reporter.note(
                f"no video is ready for stage {spec.name}: {', '.join(missing)} did not run yet; "
                f"`ophvl run {missing[0]}..{spec.name}` runs them first"
            )

    def _passed_before(self, spec: StageSpec) -> dict[str, str]:
        """The videos that all stages before `spec` have passed on, in list order, and their locations."""
        columns = ["video_id", "line_id", "location"]
        videos = self._store.read("videos", columns).to_pydict()
        numbers = self._store.read("sources", ["line_id", "list_path", "line_number"])
        place = {
            line: (path, number)
            for line, path, number in zip(*(c.to_pylist() for c in numbers.columns), strict=True)
        }
        lines = dict(zip(videos["video_id"], videos["line_id"], strict=True))
        locations = dict(zip(videos["video_id"], videos["location"], strict=True))
        passed = set(lines)
        for earlier in self._stages[: self._stages.index(spec)]:
            if earlier.scope is Scope.LINE:
                continue
            entries = self._store.entries(earlier.name)
            if earlier.scope is Scope.UNIT:
                passed &= {u for u, e in entries.items() if e.outcome is EntryOutcome.EMITTED}
            elif earlier.scope is Scope.CORPUS:
                passed &= set(covered(entries))
        order = sorted(passed, key=lambda unit: (place[lines[unit]], unit))
        return {unit: locations[unit] for unit in order}

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

    def _run_corpus(self, spec: StageSpec) -> None:
        if self._options.parts != ALL_PARTS:
            raise UsageError(
                f"stage {spec.name} sees the whole corpus; run it without --parts, once all jobs are through"
            )
        run_corpus(
            self._store,
            self._open(spec),
            list(self._passed_before(spec)),
            self._reporter,
            force=self._options.force,
            all_stopped=self._all_stopped_before(spec),
        )


def _onward(task: UnitTask, report: UnitReport) -> UnitTask | None:
    """What a video's download leads to: the rest of the chain, unless its host closed."""
    if task.pool is Pool.CPU or report.held is not None:
        return None
    return replace(task, pool=Pool.CPU, made=report.entries, again=False)
