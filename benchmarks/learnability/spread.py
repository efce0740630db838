"""How far models of one corpus lie apart that differ in the seed of training alone.

    python -m benchmarks.learnability.spread       clips only, four seeds of training, a development corpus

It tells how many seeds the study needs.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.learnability.corpus import Sizes, write
from benchmarks.learnability.study import train_variant
from benchmarks.learnability.variants import BASE, CLIP_STEPS, DEVELOPMENT_SEEDS, FULL

TRAINING_SEEDS = (1, 2, 3, 4)


def spread(
    folder: Path, *, sizes: Sizes, clip_steps: int, training_seeds: Sequence[int]
) -> list[float]:
    """Phase accuracy of clips only for each seed of training, on a corpus that is written into `folder`."""
    write(folder / "data", seed=DEVELOPMENT_SEEDS[0], sizes=sizes)
    found = []
    for seed in training_seeds:
        place = folder / str(seed)
        place.mkdir()
        (place / "data").symlink_to(folder / "data")
        figures = train_variant(BASE, seed=seed, clip_steps=clip_steps, folder=place)
        found.append(figures.phase_accuracy)
    return found


def main() -> int:
    """Print the figures and their standard deviation."""
    with tempfile.TemporaryDirectory(prefix="spread-") as place:
        found = spread(
            Path(place), sizes=FULL, clip_steps=CLIP_STEPS, training_seeds=TRAINING_SEEDS
        )
    each = ", ".join(f"{accuracy:.3f}" for accuracy in found)
    deviation = statistics.stdev(found)
    print(f"phase accuracy {each}: standard deviation {deviation:.3f}")
    print(f"of the difference of two such models: {deviation * 2**0.5:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
