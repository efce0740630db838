"""Measure the spread of models of one corpus that differ in the training seed alone.

    python -m benchmarks.learnability.spread       clips only, four training seeds, a development corpus

The number of seeds that the study needs follows from it.
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


def accuracies_by_seed(
    folder: Path, *, sizes: Sizes, clip_steps: int, training_seeds: Sequence[int]
) -> list[float]:
    """Train on clips only with each training seed, on a corpus that is written into `folder`.

    Returns:
        The phase accuracy for each seed.
    """
    write(folder / "data", seed=DEVELOPMENT_SEEDS[0], sizes=sizes)
    accuracies = []
    for seed in training_seeds:
        run = folder / str(seed)
        run.mkdir()
        (run / "data").symlink_to(folder / "data")
        figures = train_variant(BASE, seed=seed, clip_steps=clip_steps, folder=run)
        accuracies.append(figures.phase_accuracy)
    return accuracies


def main() -> int:
    """Print the figures and their standard deviation."""
    with tempfile.TemporaryDirectory(prefix="spread-") as folder:
        accuracies = accuracies_by_seed(
            Path(folder), sizes=FULL, clip_steps=CLIP_STEPS, training_seeds=TRAINING_SEEDS
        )
    each = ", ".join(f"{accuracy:.3f}" for accuracy in accuracies)
    deviation = statistics.stdev(accuracies)
    print(f"phase accuracy {each}: standard deviation {deviation:.3f}")
    print(f"of the difference of two such models: {deviation * 2**0.5:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
