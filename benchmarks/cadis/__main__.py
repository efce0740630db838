"""On real pictures: instruments of the CaDIS videos by prompts, one video left out of training in turn.

    python -m benchmarks.cadis                     all six videos; writes benchmarks/cadis.json
    python -m benchmarks.cadis --quick             two videos, few steps; only to see that it runs
    python -m benchmarks.cadis --json FILE         writes there
    python -m benchmarks.cadis --seed 1            another seed of training; writes only with --json

ophclip's preset tiny learns from captions made of the labels of five videos and looks for each instrument of
the sixth. OPHVL_TEST_DATA names the folder that holds `frames/cadis`. No checkpoint is kept.
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
    """Train, measure, print, write; 2 where the data folder is not told or holds no CaDIS frames."""
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
        told = f"it is {data}" if data else "it is not set"
        print(
            f"benchmarks.cadis needs {FOLDER}/labels.csv and its images in the folder that "
            f"OPHVL_TEST_DATA names; {told}. CaDIS is for research only and is not shipped.",
            file=sys.stderr,
        )
        return 2
    started = time.perf_counter()
    frames, settings = read(Path(data)), Settings(seed=chosen.seed)
    if chosen.quick:
        frames = [frame for frame in frames if frame.video in QUICK_VIDEOS]
        settings = dataclasses.replace(settings, steps=QUICK_STEPS)
    pairs = study(frames, videos(frames), settings, _say)
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
        made = as_json(pairs, frames, settings, wall_s)
        report.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
        print(f"\nwritten: {report}")
    print(f"{wall_s:.0f} s in all")
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
