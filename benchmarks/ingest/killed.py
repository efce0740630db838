"""A run of ingest that is killed at random instants and resumed, until it is through.

    python -m benchmarks.ingest.killed LIST OUT [K/N]    one run with tools that take no time, to be killed

`kill_and_resume` starts any such command again and again; `differences` compares what came of it with a run
that nobody disturbed.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.ingest import fakes
from benchmarks.ingest.scale import NAMES, SETTINGS, Silent
from ophvl.atomic import PARTIAL
from ophvl.config import resolve
from ophvl.ledger import Entry
from ophvl.lock import locked
from ophvl.parts import ALL_PARTS, Parts
from ophvl.runner import Runner, RunOptions
from ophvl.sources import read_source_list
from ophvl.stage import StageSpec
from ophvl.store import Store
from pipelines.config import CONFIGS
from schemas.catalogue import TABLES

VOLATILE = frozenset({"fetched_at", "failed_at", "list_path", "line_id", "location", "path"})
"""Columns that tell when and where, not what."""

Finished = Mapping[tuple[str, str], Entry]
Instant = tuple[int, float]


def finished(out: Path, stages: Sequence[StageSpec]) -> dict[tuple[str, str], Entry]:
    """What a folder's ledger holds: stage and unit to entry."""
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
        wanted = len(finished(out, stages)) + entries
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while process.poll() is None and len(finished(out, stages)) < wanted:
                time.sleep(0.01)
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
    """Tables of ingest that differ in other than volatile columns, and temporary files that are left."""
    found = []
    for table in (
        "sources",
        "videos",
        "media",
        "publications",
        "subtitles",
        "transcripts",
        "speech",
        "kept",
    ):
        columns = [name for name in TABLES[table].arrow.names if name not in VOLATILE]
        rows = [
            sorted(map(str, Store(out, stages).read(table, columns).to_pylist()))
            for out in (ours, theirs)
        ]
        if rows[0] != rows[1]:
            found.append(f"table {table} differs: {len(rows[0])} rows, {len(rows[1])} rows")
    left = [
        str(path) for path in ours.rglob("*") if path.name.endswith((PARTIAL, ".part", ".turn"))
    ]
    return found + [f"left behind: {path}" for path in left]


def redone(after_kills: Sequence[Finished], out: Path, stages: Sequence[StageSpec]) -> list[str]:
    """Units that were finished when the run was killed, and were done once more."""
    end = finished(out, stages)
    return sorted(
        {
            f"{stage} {unit}"
            for seen in after_kills
            for (stage, unit), entry in seen.items()
            if end[stage, unit] != entry
        }
    )


def main(arguments: Sequence[str]) -> int:
    """Ingest a list with the tools that take no time."""
    source, out = map(Path, arguments[:2])
    parts = Parts.share(arguments[2]) if len(arguments) > 2 else ALL_PARTS
    with locked(out, parts):
        configs = resolve(CONFIGS, overrides=SETTINGS)
        options = RunOptions(workers=2, downloads=2, parts=parts)
        Runner(Store(out, fakes.stages()), configs, options, Silent()).run(
            NAMES, read_source_list(source)
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
