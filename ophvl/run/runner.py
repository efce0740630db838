"""Run a range of stages: bring each up to date by fingerprint, commit, compact, report.

The runner is the same for every stage and for every executor. It alone retries, and it alone decides
what is a recorded failure (`ItemError`) and what is a bug (any other exception, which stops the run).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import count, groupby
from typing import TYPE_CHECKING

from ophvl.dataset.store import Store
from ophvl.errors import HostClosedError, UsageError
from ophvl.lock import mutex
from ophvl.partitions import ALL_PARTITIONS
from ophvl.run.bound_stage import BoundStage
from ophvl.run.corpus_runner import run_corpus
from ophvl.run.line_planner import LinePlanner
from ophvl.run.line_runner import LineRunner
from ophvl.run.model_pins import check_pins
from ophvl.run.options import RunOptions
from ophvl.run.reporter import Reporter
from ophvl.run.unit_runner import UnitRunner
from ophvl.run.video_state import (
    all_stopped_before,
    failed_lines,
    failed_units,
    new_videos,
    ready_videos,
    unfinished_videos,
)
from ophvl.stage import Scope, SourceLine, StageSpec
from schemas.vocab import FailureKind

if TYPE_CHECKING:
    from ophvl.config import Settings


_LINES_S = 300.0
"""How long lines are expanded before the videos that they lead to are processed."""


class Runner:
    """Runs stages on one dataset folder, whose partition lock the caller holds.

    Args:
        store: the dataset folder.
        configs: the config of every stage by name.
        reporter: receives the progress.
    """

    def __init__(
        self,
        store: Store,
        configs: Mapping[str, Settings],
        options: RunOptions,
        reporter: Reporter,
    ) -> None:
        self._store = store
        self._configs = configs
        self._options = options
        self._reporter = reporter
        self.deferred: dict[str, HostClosedError] = {}
        """The lines and videos that wait, each with the reason: its host accepts no requests for now."""
        self._units = UnitRunner(store, configs, options, reporter, self.deferred)

    def pin(self, names: Sequence[str]) -> None:
        """Pin the folder to the models that the stages `names` use; call it before `run`.

        Raises:
            UsageError: the folder was made with other models, and `repin` is not set.
        """
        check_pins(
            self._store.root,
            [self._bind(self._store.stages[name]) for name in names],
            repin=self._options.repin,
            note=self._reporter.note,
        )

    def run(self, names: Sequence[str], lines: Sequence[SourceLine] = ()) -> None:
        """Run the consecutive stages `names`; `lines` are the input of the first if it is a line stage.

        Raises:
            UsageError: the folder's state does not allow it; the message says what to do first.
        """
        self._units.failed.clear()
        self._store.sweep(self._options.partitions)
        if self._store.stages[names[0]].scope is Scope.LINE:
            # Lines and videos alternate, so that a long list need not be expanded before the first download.
            self._record_source_lists(lines)
            # Each slot is longer: planning the videos again stays a small share, however long the list is.
            runner = self._line_runner(names[1:])
            for slot in count(1):
                if self._run_lines(runner, names[0], lines, pause_after_s=slot * _LINES_S):
                    break
                self._run_groups(names[1:])
            names = names[1:]
        self._run_groups(names)

    def retry(self, names: Sequence[str], kinds: Collection[FailureKind]) -> None:
        """Try again what failed at one of the stages `names` for one of these reasons, nothing else."""
        self._store.sweep(self._options.partitions)
        lines: list[SourceLine] = []
        if self._store.stages[names[0]].scope is Scope.LINE:
            lines = failed_lines(self._store, names[0], kinds)
            if lines:
                self._run_lines(self._line_runner(names[1:], kinds), names[0], lines)
            names = names[1:]
        for specs in self._groups(names):
            if specs[0].scope is Scope.UNIT:
                units = new_videos(self._store, specs[0].name, lines)
                for spec in specs:
                    units |= failed_units(self._store, spec.name, kinds)
                self._units.run(specs, chosen=units, retry=kinds)

    def _run_groups(self, names: Sequence[str]) -> None:
        for specs in self._groups(names):
            if specs[0].scope is Scope.UNIT:
                self._units.run(specs)
            else:
                for spec in specs:
                    self._run_corpus(spec)

    def _groups(self, names: Sequence[str]) -> Iterator[list[StageSpec]]:
        """Yield stages that run together, and compact them afterwards.

        What an interrupted run left is compacted first.
        """
        partitions = self._options.partitions
        for name in names:
            self._store.compact(name, partitions)
        chosen = [self._store.stages[name] for name in names]
        for _, group in groupby(chosen, key=lambda spec: spec.scope):
            specs = list(group)
            yield specs
            # Not after an error: a run that lost its lock must not touch the folder.
            for spec in specs:
                self._store.compact(spec.name, partitions)

    def _bind(self, spec: StageSpec) -> BoundStage:
        return BoundStage(spec=spec, config=self._configs[spec.name], folder=self._store.root)

    def _run_corpus(self, spec: StageSpec) -> None:
        if self._options.partitions != ALL_PARTITIONS:
            raise UsageError(
                f"stage {spec.name} reads the whole corpus; run it without --parts, once all jobs have ended"
            )
        run_corpus(
            self._store,
            self._bind(spec),
            list(ready_videos(self._store, spec)),
            self._reporter,
            force=self._options.force,
            all_stopped=all_stopped_before(self._store, spec),
        )

    # The lines of a source list

    def _line_runner(self, later: Sequence[str], retry: Collection[FailureKind] = ()) -> LineRunner:
        """Return a runner of lines; videos that wait for the stages `later` count for the limit too."""
        options, planned = self._options, self._units.planner
        limit = options.limit
        if limit is not None:
            waiting = unfinished_videos(self._store, later, options.partitions)
            limit = max(0, limit - len(planned.selected | waiting))
        planner = LinePlanner(
            partitions=options.partitions,
            retry=frozenset(retry),
            forced=planned.forced if options.force else None,
        )
        return LineRunner(
            self._store, self._reporter, planner, is_whole_list=not retry, limit=limit
        )

    def _run_lines(
        self,
        runner: LineRunner,
        name: str,
        lines: Sequence[SourceLine],
        *,
        pause_after_s: float | None = None,
    ) -> bool:
        """Run the line stage `name` on some lines; return whether none is left."""
        with mutex(self._store.root, "lines", self._reporter.note):
            self._store.sweep_lines()
            self._store.compact(name)
            stage = self._bind(self._store.stages[name])
            is_complete = runner.run(stage, lines, pause_after_s=pause_after_s)
            self._store.compact(name)
        self.deferred |= runner.deferred
        return is_complete

    def _record_source_lists(self, lines: Sequence[SourceLine]) -> None:
        by_list: dict[str, list[str]] = defaultdict(list)
        for line in lines:
            by_list[line.list_path].append(line.line_id)
        for list_path, line_ids in by_list.items():
            self._store.record_source_list(list_path, line_ids)
