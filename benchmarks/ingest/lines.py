"""A million lines of nonsense through `ophvl ingest`: nothing is lost, and what it costs.

    python -m benchmarks.ingest.lines [--lines 1000000]

Prints the time of the first run and of a rerun, the peak memory of the command, the files that it leaves,
and the account of the lines.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

FORMS = ("--exec=touch {}", "../../{}", "a\x1b[2J{}", "$(touch {})", "javascript:{}", "case {}.mp4")
"""Lines that name nothing; none is an address, so that no host is asked."""

FAILED = 3
"""Exit code of a run that recorded failures."""


def ingest(source: Path, out: Path) -> float:
    """Run the command; return the seconds that it took."""
    started = time.perf_counter()
    command = [*(sys.executable, "-m", "ophvl", "ingest"), "--source", str(source)]
    done = subprocess.run(
        [*command, "--out", str(out), "--workers", "1"], capture_output=True, text=True
    )
    if done.returncode != FAILED:
        raise RuntimeError(f"ingest ended with {done.returncode}: {done.stdout}{done.stderr}")
    return time.perf_counter() - started


def measure(folder: Path, count: int) -> Iterator[str]:
    """Ingest `count` lines, and once more; the last line tells whether the account holds."""
    source, out = folder / "list.txt", folder / "out"
    with source.open("w", encoding="utf-8") as file:
        file.writelines(f"{FORMS[n % len(FORMS)].format(n)}\n" for n in range(count))
    first_s = ingest(source, out)
    yield f"{count} lines: {first_s:.1f} s, {count / first_s:.0f} lines a second"
    yield f"  peak memory  {_peak_mb():.0f} MB"
    files = [path for path in out.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    yield f"  afterwards   {len(files)} files of {size / 1e6:.1f} MB"
    yield f"  rerun        {ingest(source, out):.1f} s, peak of all runs {_peak_mb():.0f} MB"
    yield f"  account      {account(out, count)}"


def account(out: Path, count: int) -> str:
    """Return the line counts of `ophvl status`, and whether they sum up to all lines."""
    command = [sys.executable, "-m", "ophvl", "status", "--json", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines: dict[str, int] = json.loads(done.stdout)["lines"]
    holds = lines == {"listed": count, "expanded": 0, "failed": count, "folded": 0, "pending": 0}
    counts = ", ".join(f"{name} {number}" for name, number in lines.items())
    return f"{counts}; the sums {'hold' if holds else 'do not hold'}"


def _peak_mb() -> float:
    """Return the peak memory of the largest command that has ended."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def main(arguments: Sequence[str]) -> int:
    """Print the measurements; return 1 if the line counts do not sum up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    last = ""
    with tempfile.TemporaryDirectory(prefix="lines-") as folder:
        for last in measure(Path(folder), parser.parse_args(arguments).lines):
            print(last, flush=True)
    return int("the sums hold" not in last)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
