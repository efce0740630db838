"""Run the learnability study; print its table and write learnability.json into benchmarks/.

    python -m benchmarks.learnability              every variant, and the core ones on more seeds
    python -m benchmarks.learnability --quick      the core ones on one seed, with a smaller corpus
    python -m benchmarks.learnability --seeds 1 2 --variants "+ video level"

Rows that the file already has for that study are not trained again unless `--again` is given.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.learnability.study import Study
from benchmarks.learnability.table import table
from benchmarks.learnability.variants import (
    CLIP_STEPS,
    CORE_VARIANTS,
    FULL,
    MORE_SEEDS,
    QUICK,
    QUICK_SEED,
    SEEDS,
    VARIANTS,
)

RESULT = Path(__file__).parents[1] / "learnability.json"


def main(arguments: Sequence[str]) -> int:
    """Train and measure the requested variants."""
    parser = argparse.ArgumentParser(prog="benchmarks.learnability", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", type=int, nargs="+")
    parser.add_argument("--variants", nargs="+", choices=sorted(VARIANTS))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--result", type=Path, default=RESULT)
    chosen = parser.parse_args(arguments)
    study = Study(
        name="quick" if chosen.quick else "full",
        sizes=QUICK if chosen.quick else FULL,
        clip_steps=CLIP_STEPS,
        result=chosen.result,
        workers=chosen.workers,
    )
    if chosen.quick:
        plan = [((QUICK_SEED,), CORE_VARIANTS)]
    else:
        plan = [(SEEDS, tuple(VARIANTS)), (MORE_SEEDS, CORE_VARIANTS)]
    if chosen.seeds or chosen.variants:
        seeds, variants = plan[0]
        plan = [(chosen.seeds or seeds, chosen.variants or variants)]
    for seeds, variants in plan:
        study.run(seeds=seeds, variants=variants, again=chosen.again)
    for line in table(study.rows()):
        print(line)
    print(f"written: {study.result}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
