"""Measure the cost of the runner and the ledger for 44,290 videos, with tools that take no time.

    python -m benchmarks.ingest.scale [--videos 44290]

Prints, for a tenth of the list and for all of it: time a video in the stages, in durable commits, and in
everything else (runner, ledger, checks, rate limiter); commits, files and bytes; the rerun when all is
done; adding one video; peak memory. The unit of cost is a durable commit of an empty file on the same disk in
the same run. Ends with code 1 if everything else, in that unit, costs clearly more for a video of the whole
list than for one of the tenth.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.ingest import fakes
from ophvl.atomic_io import write_text
from ophvl.config import resolve
from ophvl.dataset.store import Store
from ophvl.download.rate_limiter import RateLimiter
from ophvl.lock import lock_partitions
from ophvl.report.funnel import count_funnel
from ophvl.run.bound_stage import BoundStage
from ophvl.run.options import RunOptions
from ophvl.run.runner import Runner
from ophvl.run.unit_worker import UnitReport
from ophvl.sources.source_list import read_source_list
from pipelines.registry import settings_classes

NAMES = ("discover", "admit", "download", "transcribe", "keep")
SETTINGS = ("discover.gap_s=0.0", "download.gap_s=0.0", "download.reserve_gb=0.0")

FLAT = 1.5
"""So many times the cost of a tenth of the list still pass for flat: machines are noisy."""


@dataclass
class Clock:
    """Seconds and calls by the functions that they were spent in."""

    seconds: Counter[str]
    calls: Counter[str]

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap `function` so that its calls are counted under `name`."""

        def call(*args: object, **kwargs: object) -> object:
            started = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds[name] += time.perf_counter() - started
                self.calls[name] += 1

        return call


@dataclass(frozen=True, kw_only=True)
class Run:
    """One ingest."""

    wall_s: float
    clock: Clock
    worked: int
    """Videos for which anything was done."""


class Silent:
    """A reporter that only counts the videos for which anything was done."""

    def __init__(self) -> None:
        self.worked = 0

    def note(self, text: str) -> None:
        """Ignore the message."""

    def started(self, stages: Sequence[str], total: int) -> None:
        """Ignore the group."""

    def advanced(self, report: UnitReport) -> None:
        """Count a video that has new entries."""
        self.worked += bool(report.entries) and not report.unit.startswith("https:")

    def ended(self) -> None:
        """Ignore the end of the group."""


@contextmanager
def _watched() -> Iterator[Clock]:
    clock = Clock(Counter(), Counter())
    with (
        mock.patch.object(BoundStage, "call", clock.timed("stages", BoundStage.call)),
        mock.patch.object(RateLimiter, "wait", clock.timed("pace", RateLimiter.wait)),
        mock.patch.object(RateLimiter, "accepted", clock.timed("pace", RateLimiter.accepted)),
        mock.patch.object(Store, "commit", clock.timed("commits", Store.commit)),
        mock.patch.object(Store, "commit_batch", clock.timed("commits", Store.commit_batch)),
        mock.patch.object(Store, "compact", clock.timed("compaction", Store.compact)),
    ):
        yield clock


def ingest(out: Path, source: Path) -> Run:
    """Run the stages of ingest in this process."""
    reporter = Silent()
    configs = resolve(settings_classes(), overrides=SETTINGS)
    started = time.perf_counter()
    with _watched() as clock, lock_partitions(out):
        store = Store(out, fakes.stages())
        # Downloads of a tool that takes no time need no workers of their own.
        runner = Runner(store, configs, RunOptions(workers=1, downloads=0), reporter)
        runner.run(NAMES, read_source_list(source))
    return Run(wall_s=time.perf_counter() - started, clock=clock, worked=reporter.worked)


def measure(folder: Path, videos: int, log: Callable[[str], None]) -> float:
    """Ingest `videos` videos, again, and with one more; print the measurements.

    Returns what a video costs beyond its stages and commits, in durable commits.
    """
    out = folder / "out"
    out.mkdir(parents=True)
    source = fakes.write_list(folder / "list.txt", range(videos))
    before_s = _durable_commit_s(folder)
    first = ingest(out, source)
    commit_s = (before_s + _durable_commit_s(folder)) / 2
    spent = first.clock.seconds
    spent["stages"] -= spent["pace"]  # Which they wait for.
    rest_s = first.wall_s - spent["stages"] - spent["commits"]
    each_ms = {name: seconds / videos * 1e3 for name, seconds in spent.items()}
    cost = rest_s / videos / commit_s
    log(f"{videos} videos, one process")
    log(
        f"  a video      {first.wall_s / videos * 1e3:.2f} ms: stages {each_ms['stages']:.2f}, "
        f"commits {each_ms['commits']:.2f}, all else {rest_s / videos * 1e3:.2f} "
        f"(pace {each_ms['pace']:.2f}, compaction {each_ms['compaction']:.2f}); "
        f"all else is {cost:.1f} durable commits of {commit_s * 1e3:.2f} ms"
    )
    files = [path for path in out.rglob("*") if path.is_file() and path.parent.name != "media"]
    size = sum(path.stat().st_size for path in files)
    commits = first.clock.calls["commits"]
    log(
        f"  commits      {commits} ({commits / videos:.2f} a video); afterwards {len(files)} files of "
        f"{size / 1e6:.1f} MB beside the media"
    )
    again = ingest(out, source)
    again_ms = again.wall_s / videos * 1e3
    log(f"  rerun        {again.wall_s:.1f} s, {again_ms:.3f} ms a video, {again.worked} redone")
    fakes.write_list(source, range(videos + 1))
    more = ingest(out, source)
    log(f"  one more     {more.wall_s:.1f} s, {more.worked} video done")
    started = time.perf_counter()
    funnel = count_funnel(Store(out, fakes.stages()))
    log(
        f"  status       {time.perf_counter() - started:.1f} s, {funnel.units.listed} videos accounted for"
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    log(f"  peak memory  {peak:.0f} MB")
    assert (again.worked, more.worked, funnel.units.listed) == (0, 1, videos + 1)
    return cost


def _durable_commit_s(folder: Path, count: int = 200) -> float:
    started = time.perf_counter()
    for number in range(count):
        write_text(folder / f"commit-{number}", "")
    return (time.perf_counter() - started) / count


def main(arguments: Sequence[str]) -> int:
    """Measure a tenth of the list, then all of it; return 1 if the cost of a video grew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=44_290)
    parser.add_argument("--flat", type=float, default=FLAT, help="the largest ratio that passes")
    options = parser.parse_args(arguments)
    costs = []
    for count in (max(1, options.videos // 10), options.videos):
        with tempfile.TemporaryDirectory(prefix="scale-") as folder:
            costs.append(measure(Path(folder), count, lambda line: print(line, flush=True)))
    ratio = costs[1] / costs[0]
    print(
        f"all else, in durable commits: a video of the whole list costs {ratio:.2f} times one of its tenth; "
        f"flat is up to {options.flat:g}"
    )
    return int(ratio > options.flat)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
