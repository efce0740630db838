"""A dataset folder made by the toy stages, with its list and its sources beside it.

As a program, `python -m tests.ophvl.toy_folder FOLDER WORKERS` runs all stages, to be killed.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ophvl.dataset.ledger import Entry
from ophvl.dataset.store import Store
from ophvl.errors import HostClosedError
from ophvl.lock import lock_partitions
from ophvl.run.options import RunOptions
from ophvl.run.runner import Runner
from ophvl.run.unit_worker import UnitReport
from ophvl.sources.source_list import read_source_list
from ophvl.stage import StageSpec
from schemas.vocab import FailureKind, Outcome
from tests.ophvl.toy_stages import STAGES, ToyConfig

ALL = tuple(spec.name for spec in STAGES)


@dataclass
class RecordingReporter:
    """A reporter that records its calls."""

    notes: list[str] = field(default_factory=list)
    groups: list[tuple[tuple[str, ...], int]] = field(default_factory=list)
    reports: list[UnitReport] = field(default_factory=list)
    deferred: dict[str, HostClosedError] = field(default_factory=dict)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def started(self, stages: Sequence[str], total: int) -> None:
        self.groups.append((tuple(stages), total))

    def advanced(self, report: UnitReport) -> None:
        self.reports.append(report)

    def ended(self) -> None:
        pass


class ToyFolder:
    """`base/out` is the dataset, `base/list.txt` the list."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.root = base / "out"
        self.log = base / "calls.log"
        self.list_path = base / "list.txt"
        self.reporter = RecordingReporter()

    @property
    def store(self) -> Store:
        """A store without caches, as a new process would open it."""
        return Store(self.root, STAGES)

    def source(self, file: str, *videos: tuple[str, str] | tuple[str, str, str]) -> None:
        """Write a source file of videos: id, what the stages shall do, and perhaps a title."""
        lines = [
            json.dumps({"id": v[0], "does": v[1], "title": v[2] if len(v) > 2 else f"Case {v[0]}"})
            for v in videos
        ]
        (self.base / file).write_text("\n".join(lines) + "\n")

    def list(self, *lines: str) -> None:
        self.list_path.write_text("\n".join(lines) + "\n")

    def videos(self, *videos: str, **acting: str) -> None:
        """One source file a video, and the list of them; keywords say what a video does."""
        does = {**dict.fromkeys(videos, ""), **acting}
        for video, act in does.items():
            self.source(f"{video}.json", (video, act))
        self.list(*(f"{video}.json" for video in does))

    def run(
        self,
        names: Sequence[str] = ALL,
        *,
        stages: Sequence[StageSpec] = STAGES,
        suffix: str = "",
        model: str = "m1",
        only: tuple[str, ...] = (),
        force: bool = False,
        retry: frozenset[FailureKind] = frozenset(),
        **how: Any,
    ) -> RecordingReporter:
        """Run stages as a new process would; `suffix` and `model` go to names and to the tool.

        With kinds to `retry`, just what failed so. `how` are further options of the run.
        """
        plain = ToyConfig(log=str(self.log))
        configs = {spec.name: plain for spec in stages}
        configs["name"] = plain.model_copy(update={"suffix": suffix})
        configs["fetch"] = plain.model_copy(update={"model": model})
        lines = read_source_list(self.list_path) if names[0] == "list" else []
        options = RunOptions(only=only, force=force, **how)
        self.reporter = RecordingReporter()
        with lock_partitions(self.root, options.partitions):
            runner = Runner(Store(self.root, stages), configs, options, self.reporter)
            runner.pin(names)
            if retry:
                runner.retry(names, retry)
            else:
                runner.run(names, lines)
        self.reporter.deferred = runner.deferred
        return self.reporter

    def calls(self) -> list[str]:
        """The calls since the last time, sorted: `fetch a`."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.write_text("")
        return sorted(line.rsplit(" ", 1)[0] for line in lines)

    def entries(self, stage: str) -> dict[str, Entry]:
        return self.store.entries(stage)

    def outcomes(self, stage: str) -> dict[str, str]:
        return {unit: str(entry.outcome) for unit, entry in self.entries(stage).items()}

    def column(self, table: str, column: str) -> list[object]:
        values: list[object] = self.store.read(table, [column]).column(column).to_pylist()
        return values

    def lines(self) -> list[tuple[int, str, str, int, int]]:
        """Number, text and outcome of the source lines in order, with two counts of videos.

        Those that the line named first, and the others that it leads to. A line that named none is folded.
        """
        columns = ["line_number", "text", "outcome", "line_id"]
        linked = Counter(self.column("line_videos", "line_id"))
        first = Counter(self.column("videos", "line_id"))
        lines = []
        for row in self.store.read("sources", columns).to_pylist():
            number, text, outcome, line = row.values()
            if outcome == Outcome.EXPANDED and not first[line]:
                outcome = "folded"
            lines.append((number, text, outcome, first[line], linked[line] - first[line]))
        return sorted(lines)

    def counts(self) -> Counter[str]:
        """How many units stand at which outcome in which stage: `fetch emitted`."""
        return Counter(
            f"{stage} {outcome}" for stage in ALL for outcome in self.outcomes(stage).values()
        )


def main() -> None:
    ToyFolder(Path(sys.argv[1])).run(workers=int(sys.argv[2]))


if __name__ == "__main__":
    main()
