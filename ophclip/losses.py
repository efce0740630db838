"""The loss terms, as pure functions of L2-normalised embeddings.

Shapes: B items, D dimensions, K neighbours. `scale` is the logit scale, 1 / temperature.
Sources: InfoNCE in its symmetric form, CLIP (https://arxiv.org/abs/2103.00020); parent-child term, HecVL
(https://arxiv.org/abs/2405.10075); retrieval term, after OphCLIP (https://arxiv.org/abs/2411.15421),
whose abstract names retrieval from silent videos but not the form of the loss.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F


def info_nce(
    a: torch.Tensor,
    b: torch.Tensor,
    scale: torch.Tensor,
    *,
    ignored: torch.Tensor | None = None,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """Symmetric InfoNCE of pairs (a_i, b_i): the mean of both directions.

    Args:
        a, b: [B, D].
        ignored: bool [B, B]; where true off the diagonal, the two items are neither positive nor
            negative of each other. The diagonal is always the positive.
        weights: [B], not negative; each pair's share in the mean. All equal by default.
    """
    logits = scale * a @ b.T
    if ignored is not None:
        own = torch.eye(len(a), dtype=torch.bool, device=a.device)
        logits = logits.masked_fill(ignored & ~own, float("-inf"))
    target = torch.arange(len(a), device=a.device)
    each = F.cross_entropy(logits, target, reduction="none")
    each = (each + F.cross_entropy(logits.T, target, reduction="none")) / 2
    if weights is None:
        return each.mean()
    return (weights * each).sum() / weights.sum().clamp_min(torch.finfo(each.dtype).tiny)


def pool_neighbours(scores: torch.Tensor, values: torch.Tensor, temperature: float) -> torch.Tensor:
    """One embedding for each query: its neighbours' values, weighted by softmax of their scores.

    Args:
        scores: [B, K], inner products; -inf for a place to leave out, at least one finite in each row.
        values: [B, K, D].

    Returns:
        [B, D], normalised.
    """
    weights = (scores / temperature).softmax(dim=1)
    return F.normalize(torch.einsum("bk,bkd->bd", weights, values), dim=-1)


def retrieval(
    visual: torch.Tensor,
    title: torch.Tensor,
    neighbour_visual: torch.Tensor,
    neighbour_title: torch.Tensor,
    scale: torch.Tensor,
    *,
    ignored: torch.Tensor | None = None,
) -> torch.Tensor:
    """Neighbours as extra positives across modalities: video with the pooled titles of its silent
    neighbours, title with their pooled pictures. All arguments [B, D]; the neighbours carry no gradient.
    """
    visual_term = info_nce(visual, neighbour_title.detach(), scale, ignored=ignored)
    title_term = info_nce(title, neighbour_visual.detach(), scale, ignored=ignored)
    return (visual_term + title_term) / 2


def same_text(texts: Sequence[str]) -> torch.Tensor:
    """bool [B, B]: pairs of items with equal text, but for case and blanks."""
    seen: dict[str, int] = {}
    numbers = torch.tensor([seen.setdefault(" ".join(t.lower().split()), len(seen)) for t in texts])
    return numbers[:, None] == numbers[None, :]


def overlapping(
    videos: Sequence[str], starts_s: Sequence[float], ends_s: Sequence[float]
) -> torch.Tensor:
    """bool [B, B]: pairs of half-open spans of the same video that share some time."""
    numbers: dict[str, int] = {}
    video = torch.tensor([numbers.setdefault(v, len(numbers)) for v in videos])
    start = torch.tensor(starts_s, dtype=torch.float64)
    end = torch.tensor(ends_s, dtype=torch.float64)
    meet = (start[:, None] < end[None, :]) & (start[None, :] < end[:, None])
    return meet & (video[:, None] == video[None, :])
