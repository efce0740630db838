"""Classification metrics of confusion matrices, with bootstrap intervals over videos; average precision.

Shapes: V videos, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

REPLICATES = 2000


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A metric and its 95 % interval: percentiles over resampled sets of videos."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Metrics of one evaluation: `pooled` ones over all frames, `per_video` ones as means over videos."""

    accuracy_pooled: Estimate
    macro_f1_pooled: Estimate
    accuracy_per_video: Estimate
    macro_f1_per_video: Estimate
    chance: float
    majority: float
    """Accuracy of always predicting the most frequent class of the evaluated frames."""
    frames: int
    confusion: tuple[tuple[int, ...], ...]
    """[truth][prediction], summed over videos."""


def score(confusion: torch.Tensor, *, seed: int = 0) -> Scores:
    """Compute the metrics of confusion matrices.

    Videos without an evaluated frame are left out. With a single video the intervals have no width.

    Args:
        confusion: int64 [V, C, C], counts of frames by [video, truth, prediction].
        seed: of the bootstrap.
    """
    counts = confusion[confusion.sum((1, 2)) > 0]
    videos, classes = len(counts), counts.shape[1]
    random = torch.Generator().manual_seed(seed)
    draws = torch.randint(videos, (REPLICATES, videos), generator=random)
    times = torch.zeros(REPLICATES, videos, dtype=torch.int64)
    times.scatter_add_(1, draws, torch.ones_like(draws))
    pooled = torch.einsum("rv,vij->rij", times, counts)
    whole = counts.sum(0)
    single_accuracy, single_f1 = accuracy(counts), macro_f1(counts)
    return Scores(
        accuracy_pooled=_estimate(accuracy(whole), accuracy(pooled)),
        macro_f1_pooled=_estimate(macro_f1(whole), macro_f1(pooled)),
        accuracy_per_video=_estimate(single_accuracy.mean(), single_accuracy[draws].mean(1)),
        macro_f1_per_video=_estimate(single_f1.mean(), single_f1[draws].mean(1)),
        chance=1 / classes,
        majority=float(whole.sum(1).max() / whole.sum()),
        frames=int(whole.sum()),
        confusion=tuple(tuple(row) for row in whole.tolist()),
    )


def accuracy(confusion: torch.Tensor) -> torch.Tensor:
    """Return the share of frames on the diagonal: [..., C, C] to [...]."""
    correct = confusion.diagonal(dim1=-2, dim2=-1).sum(-1).double()
    return correct / confusion.sum((-2, -1))


def macro_f1(confusion: torch.Tensor) -> torch.Tensor:
    """Return the mean F1 of the classes that occur among truths or predictions: [..., C, C] to [...]."""
    correct = confusion.diagonal(dim1=-2, dim2=-1).double()
    occurrences = (confusion.sum(-1) + confusion.sum(-2)).double()
    f1 = torch.where(occurrences > 0, 2 * correct / occurrences.clamp_min(1), 0.0)
    return f1.sum(-1) / (occurrences > 0).sum(-1)


def average_precision(scores: Sequence[float], positives: Sequence[bool]) -> float:
    """Return the mean precision at the rank of each positive; equal scores count as one rank.

    A constant score gives the share of positives. There must be at least one.
    """
    order = np.argsort(-np.asarray(scores, dtype=float), kind="stable")
    ranked = np.asarray(scores, dtype=float)[order]
    hits = np.cumsum(np.asarray(positives, dtype=bool)[order])
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    new_hits = np.diff(hits[last], prepend=0)
    return float((new_hits * hits[last] / (last + 1)).sum() / hits[-1])


def _estimate(value: torch.Tensor, replicates: torch.Tensor) -> Estimate:
    low, high = torch.quantile(replicates, torch.tensor([0.025, 0.975], dtype=torch.float64))
    return Estimate(value=float(value), low=float(low), high=float(high))
