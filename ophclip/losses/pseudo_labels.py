"""Narrations carried over to clips of silent videos, as weighted pseudo-labels. All of it is ours.

A silent video has pictures and a title but nobody speaks. Its windows borrow the narrations of the narrated
clips that retrieval returns for them. Shapes: S windows, N narrations, D dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ophclip.losses.contrastive import mask, similarity
from ophclip.retrieval.topk import top_k


@dataclass(frozen=True, kw_only=True)
class PseudoLabels:
    """The narrations that each window borrows. Carries no gradient."""

    targets: torch.Tensor
    """[S, N], each row of sum 1, or of zeros where no narration is allowed."""
    weights: torch.Tensor
    """[S] in [0, 1]: how decided the choice is."""


@torch.no_grad()
def carry_over(
    windows: torch.Tensor,
    narrations: torch.Tensor,
    allowed: torch.Tensor,
    *,
    temperature: float,
    keep: int,
) -> PseudoLabels:
    """Return soft targets over the `keep` best allowed narrations of each window.

    The targets are the softmax of cosine / temperature over these. The weight is 1 - H / log n, with
    H the entropy of the softmax over all n allowed narrations, before the cut, which would make a flat
    choice look decided. It depends on the window's own row alone: a scale taken from the batch or the
    corpus, such as min-max, is set by its outliers. It depends on differences of cosines, not on their
    level, which drifts while the embeddings leave their cone. Of a single allowed narration nothing was
    chosen: weight 0.

    Args:
        windows: [S, D], normalised.
        narrations: [N, D], normalised.
        allowed: bool [S, N]: narrations of the narrated videos retrieved for the window's video.
        keep: at least 1; of equal cosines the first narration is taken.
    """
    cosine = similarity(windows, narrations, torch.ones((), device=windows.device))
    logits = mask(cosine / temperature, ~allowed)
    shares = logits.softmax(1)
    entropy = -torch.xlogy(shares, shares).sum(1)
    count = allowed.sum(1)
    doubt = entropy / count.clamp_min(2).to(entropy).log()
    weights = (1 - doubt).clamp(0, 1).masked_fill(count < 2, 0.0)
    best, column = top_k(logits, keep)
    shares_of_best = best.softmax(1).masked_fill(~allowed.gather(1, column), 0.0)
    targets = torch.zeros_like(logits).scatter(1, column, shares_of_best)
    return PseudoLabels(targets=targets, weights=weights)


def carried(
    windows: torch.Tensor,
    narrations: torch.Tensor,
    targets: torch.Tensor,
    weights: torch.Tensor,
    scale: torch.Tensor,
    *,
    neutral_mask: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the cross-entropy of windows and borrowed narrations: 1/S sum_s w_s CE(targets_s, softmax_n).

    One direction only: that a window shows what a narration says does not mean that other windows do not, so
    narrations get no negatives among windows. Divided by the number of windows, not by the sum of the
    weights: while all are undecided, early on, the term stays small.

    Args:
        windows: [S, D].
        narrations: [N, D]; detach them for a term that only moves pictures.
        targets, weights: [S, N] and [S], of `carry_over`; no gradient passes into them.
        neutral_mask: bool [S, N], narrations that are no negatives, such as ones that
            say the same as a target. One with a target is never masked.
    """
    logits = similarity(windows, narrations, scale)
    targets = targets.detach().to(logits)
    if neutral_mask is not None:
        logits = mask(logits, neutral_mask & (targets <= 0))
    log_shares = logits.log_softmax(1).masked_fill(targets <= 0, 0.0)
    each = -(targets * log_shares).sum(1)
    return (weights.detach().to(each) * each).sum() / max(len(windows), 1)
