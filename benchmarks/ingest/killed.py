"""A run of ingest that is killed at random instants and resumed until it ends.

    python -m benchmarks.ingest.killed LIST OUT [--parts K/N] [--fetch] [--set KEY=VALUE]

One run with tools that take no time, to be killed; with `--fetch` yt-dlp fetches. `kill_and_resume` starts
any such command again and again; `differences` compares its results with those of an uninterrupted run.
"""

from __future__ import annotations

import argparse
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.ingest import fakes
from benchmarks.ingest.scale import NAMES, SETTINGS, Silent
from ophvl.atomic_io import PARTIAL
from ophvl.config import resolve
from ophvl.dataset.ledger import Entry
from ophvl.dataset.store import Store
from ophvl.lock import lock_partitions
from ophvl.partitions import ALL_PARTITIONS, Partitions
from ophvl.run.options import RunOptions
from ophvl.run.runner import Runner
from ophvl.sources.source_list import read_source_list
from ophvl.stage import StageSpec
from pipelines.registry import settings_classes
from schemas.catalogue import TABLES

VOLATILE = frozenset({"fetched_at", "failed_at"})
"""Columns that tell when, not what. The count of attempts is none: what fails for good is tried once."""

_GENERATION = re.compile(r"-[0-9a-f]{8}(?=\.parquet$)")
"""Of a Parquet file's name: it follows from the times in the ledger."""

Finished = Mapping[tuple[str, str], Entry]
Instant = tuple[int, float]


def finished(out: Path, stages: Sequence[StageSpec]) -> dict[tuple[str, str], Entry]:
    """Return the ledger of a folder: stage and unit to entry."""
    store = Store(out, stages)
    return {(name, unit): entry for name in NAMES for unit, entry in store.entries(name).items()}


def kill_and_resume(
    command: Sequence[str], out: Path, stages: Sequence[StageSpec], *, instants: Sequence[Instant]
) -> Iterator[Finished]:
    """Kill the command at each instant, starting it again, then let it end; yield the ledger after each kill.

    An instant is so many new entries of the ledger after the start, and so many seconds after that: machines
    differ in speed, and a kill before or after the work tells little.
    """
    for entries, delay_s in instants:
        target = len(finished(out, stages)) + entries
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while process.poll() is None and len(finished(out, stages)) < target:
                time.sleep(0.05)  # Each poll takes CPU time from the run.
            time.sleep(delay_s)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        yield finished(out, stages)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def random_instants(count: int, most_entries: int, seed: int) -> list[Instant]:
    """`count` instants, each at most so many entries after its start."""
    draw = random.Random(seed)
    return [(draw.randint(0, most_entries), draw.uniform(0.0, 0.4)) for _ in range(count)]


def differences(ours: Path, theirs: Path, stages: Sequence[StageSpec]) -> list[str]:
    """Rows of ingest's tables that differ in other than volatile columns; files that are left or missing.

    Both folders are those of one list file.
    """
    written = [table for spec in stages if spec.name in NAMES for table in spec.writes]
    differing = []
    for table in (*written, "dropped", "failures"):
        columns = [name for name in TABLES[table].arrow.names if name not in VOLATILE]
        rows = [
            Counter(
                str(row).replace(str(out), "the folder")  # As messages name it.
                for row in Store(out, stages).read(table, columns).to_pylist()
            )
            for out in (ours, theirs)
        ]
        differing += [f"a row of {table} only in {ours}: {row}" for row in rows[0] - rows[1]]
        differing += [f"a row of {table} only in {theirs}: {row}" for row in rows[1] - rows[0]]
    return differing + stray_files(ours, stages) + _other_files(ours, theirs)


def stray_files(out: Path, stages: Sequence[StageSpec]) -> list[str]:
    """Return the files of a finished run that no table names, and those that are named and missing."""
    paths = Store(out, stages).read("kept", ["path"]).column("path").to_pylist()
    named = {out / path for path in paths if not Path(path).is_absolute()}
    present = {
        path
        for folder in ("media", ".locks", "units")
        for path in (out / folder).rglob("*")
        if path.is_file()
    }
    present |= {path for path in out.rglob("*") if path.name.endswith(PARTIAL)}
    return [
        *(f"left behind: {path}" for path in sorted(present - named)),
        *(f"missing: {path}" for path in sorted(named - present)),
    ]


def _other_files(ours: Path, theirs: Path) -> list[str]:
    """Files that one of two folders has more of, such as a table's that no segment of the ledger names."""
    names = [
        Counter(
            _GENERATION.sub("", str(path.relative_to(out)))
            for path in out.rglob("*")
            if path.is_file()
        )
        for out in (ours, theirs)
    ]
    return [
        *(f"a file only in {ours}: {name}" for name in names[0] - names[1]),
        *(f"a file only in {theirs}: {name}" for name in names[1] - names[0]),
    ]


def redone(after_kills: Sequence[Finished], out: Path, stages: Sequence[StageSpec]) -> list[str]:
    """Units that were finished when the run was killed, and were done once more."""
    end = finished(out, stages)
    return sorted(
        {
            f"{stage} {unit}"
            for ledger in after_kills
            for (stage, unit), entry in ledger.items()
            if end.get((stage, unit)) != entry
        }
    )


def main(arguments: Sequence[str]) -> int:
    """Ingest a list with the tools that take no time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--parts", type=Partitions.share, default=ALL_PARTITIONS)
    parser.add_argument("--fetch", action="store_true")
    parser.add_argument("--set", action="append", default=[])
    given = parser.parse_args(arguments)
    with lock_partitions(given.out, given.parts):
        store = Store(given.out, fakes.stages(fetch=given.fetch))
        configs = resolve(settings_classes(), overrides=(*SETTINGS, *given.set))
        options = RunOptions(workers=2, downloads=2, partitions=given.parts)
        Runner(store, configs, options, Silent()).run(NAMES, read_source_list(given.source))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
