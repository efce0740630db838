"""Average precision, its mean over instruments and videos, and intervals over videos."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

LEVEL = 0.95
MIN_VIDEOS = 4
"""With fewer videos there are too few different resamples for an interval."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """An instrument in the left-out video, and how well each method finds its frames."""

    video: str
    instrument: str
    shown: int
    """Frames of the video that show it, of `frames`."""
    frames: int
    trained: int
    """Training frames that show it."""
    precision: Mapping[str, float]
    """Average precision by method."""

    @property
    def informative(self) -> bool:
        """Whether rankings can differ: for an instrument on every frame all methods score 1."""
        return 0 < self.shown < self.frames


@dataclass(frozen=True, kw_only=True)
class Mean:
    """A mean over pairs, and its bootstrap interval over videos; None where these are too few."""

    value: float
    low: float | None
    high: float | None


def random_order(shown: int, frames: int) -> float:
    """Return the expected average precision of random scores.

    With few frames it is above the share of positive frames: 0.457 for one of five.
    """
    others = (shown - 1) / (frames - 1) if frames > 1 else 0.0
    return sum((1 + (rank - 1) * others) / rank for rank in range(1, frames + 1)) / frames


def mean(pairs: Sequence[Pair], value: Callable[[Pair], float], *, draws: int, seed: int) -> Mean:
    """Average over pairs; the interval comes from resampling videos with all their pairs."""
    by_video = {pair.video: [value(p) for p in pairs if p.video == pair.video] for pair in pairs}
    sums = np.array([sum(values) for values in by_video.values()])
    counts = np.array([len(values) for values in by_video.values()])
    value_of_all = float(sums.sum() / counts.sum())
    if len(sums) < MIN_VIDEOS:
        return Mean(value=value_of_all, low=None, high=None)
    picks = np.random.default_rng(seed).integers(len(sums), size=(draws, len(sums)))
    drawn = sums[picks].sum(1) / counts[picks].sum(1)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Mean(value=value_of_all, low=float(low), high=float(high))
