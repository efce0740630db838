"""Find the instruments of real frames (CaDIS) by prompts, with one video left out of training in turn.

    python -m benchmarks.cadis                     all six videos; writes benchmarks/cadis.json
    python -m benchmarks.cadis --quick             two videos, few steps; only to check that it runs
    python -m benchmarks.cadis --json FILE         writes to FILE
    python -m benchmarks.cadis --seed 1            another training seed; writes only with --json

ophclip's preset tiny is trained on captions from the labels of five videos, and finds each instrument of the
sixth. OPHVL_TEST_DATA names the folder that holds `frames/cadis`. Checkpoints are deleted.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.cadis.labels import FOLDER, read, videos
from benchmarks.cadis.study import METHODS, Settings, study
from benchmarks.cadis.table import as_json, lines

REPORT = Path(__file__).parents[1] / "cadis.json"
QUICK_VIDEOS = ("Video19", "Video22")
QUICK_STEPS = 4


def main(arguments: Sequence[str]) -> int:
    """Train, measure, print and write; return 2 if there is no data folder or it has no CaDIS frames."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.cadis",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=Settings().seed)
    parser.add_argument("--json", type=Path, metavar="FILE")
    chosen = parser.parse_args(arguments)
    data = os.environ.get("OPHVL_TEST_DATA")
    if not data or not (Path(data) / FOLDER / "labels.csv").is_file():
        value = f"it is {data}" if data else "it is not set"
        print(
            f"benchmarks.cadis needs {FOLDER}/labels.csv and its images in the folder that "
            f"OPHVL_TEST_DATA names; {value}. CaDIS is for research only and is not shipped.",
            file=sys.stderr,
        )
        return 2
    started = time.perf_counter()
    frames, settings = read(Path(data)), Settings(seed=chosen.seed)
    if chosen.quick:
        frames = [frame for frame in frames if frame.video in QUICK_VIDEOS]
        settings = dataclasses.replace(settings, steps=QUICK_STEPS)
    pairs = study(frames, videos(frames), settings, _log)
    print()
    for name, meaning in METHODS.items():
        print(f"{name:<22}{meaning}")
    print()
    for line in lines(pairs, settings):
        print(line)
    wall_s = time.perf_counter() - started
    usual = not chosen.quick and settings == Settings()
    report = chosen.json or (REPORT if usual else None)
    if report is not None:
        document = as_json(pairs, frames, settings, wall_s)
        report.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        print(f"\nwritten: {report}")
    print(f"{wall_s:.0f} s in all")
    return 0


def _log(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
