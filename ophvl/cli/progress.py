"""Show the progress of a run: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from ophvl.dataset.ledger import EntryOutcome
from ophvl.run.reporter import Reporter
from ophvl.run.unit_worker import UnitReport

if TYPE_CHECKING:
    from rich.progress import TaskID

LINE_EVERY_S = 10.0
"""How often a log gets a line while nothing goes wrong."""


class RunReporter(Reporter, Protocol):
    """A reporter that is open while the run lasts."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def make_reporter() -> RunReporter:
    """Return a bar if standard error is a terminal, else plain lines there."""
    return _Bar() if sys.stderr.isatty() else _Log()


class _Tally:
    """Counts the units of one group of stages by their state."""

    def __init__(self, stages: Sequence[str], total: int) -> None:
        self.name = stages[0] if len(stages) == 1 else f"{stages[0]}..{stages[-1]}"
        self.total = total
        self.done = 0
        self.states: Counter[str] = Counter()
        self.started = time.monotonic()

    def add(self, report: UnitReport) -> None:
        self.done += 1
        self.states[_state(report)] += 1

    def __str__(self) -> str:
        states = ", ".join(f"{count} {state}" for state, count in self.states.items())
        return f"{self.name} {self.done}/{self.total} {states}".rstrip()


def _state(report: UnitReport) -> str:
    """Return the state of a unit in a word or two."""
    if report.deferred is not None:
        return "waiting for their host"
    ends = [e for e in report.entries if e.outcome in (EntryOutcome.FAILED, EntryOutcome.DROPPED)]
    if ends:
        return str(ends[0].outcome)
    if report.entries:
        return str(report.entries[-1].outcome)
    return "unchanged" if report.unchanged else "left for another run"


class _Log:
    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        sys.stderr.flush()

    def note(self, text: str) -> None:
        _print(text)

    def started(self, stages: Sequence[str], total: int) -> None:
        self._tally = _Tally(stages, total)
        self._printed = time.monotonic()

    def advanced(self, report: UnitReport) -> None:
        self._tally.add(report)
        now = time.monotonic()
        # `ended` prints the last line.
        if now - self._printed >= LINE_EVERY_S and self._tally.done < self._tally.total:
            self._printed = now
            _print(str(self._tally))

    def ended(self) -> None:
        _print(f"{self._tally} in {time.monotonic() - self._tally.started:.1f} s")


class _Bar:
    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=Console(stderr=True))
        self._tasks: dict[str, TaskID] = {}
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def note(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False)

    def started(self, stages: Sequence[str], total: int) -> None:
        self._tally = _Tally(stages, total)
        name, text = self._tally.name, str(self._tally)
        # Groups alternate while lines are expanded: one bar each, or the screen overflows.
        if name in self._tasks:
            self._progress.reset(self._tasks[name], total=total, description=text)
        else:
            self._tasks[name] = self._progress.add_task(text, total=total)
        self._task = self._tasks[name]

    def advanced(self, report: UnitReport) -> None:
        self._tally.add(report)
        self._progress.update(self._task, advance=1, description=str(self._tally))

    def ended(self) -> None:
        self._progress.update(self._task, completed=self._tally.total)


def _print(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
