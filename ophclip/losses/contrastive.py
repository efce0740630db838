"""The loss terms, as pure functions of L2-normalised embeddings.

Shapes: B items, D dimensions, K neighbours, M candidates. `scale` is the logit scale, 1 / temperature.
Sources: InfoNCE in its symmetric form, CLIP (https://arxiv.org/abs/2103.00020); several positives outside
the logarithm, SupCon (https://arxiv.org/abs/2004.11362); parent-child term, HecVL
(https://arxiv.org/abs/2405.10075); retrieval, after OphCLIP (https://arxiv.org/abs/2411.15421), whose
abstract names retrieval from silent videos but not the form of the loss: the three forms are ours.

All is computed in float32 at least, also within autocast: at a scale of 100, bfloat16 resolves a logit no
better than to 0.5. Gradients pass into every embedding that carries one. A caller who wants none in the
neighbours detaches them; entries of the memory bank never carry any.
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
    neutral_mask: torch.Tensor | None = None,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the symmetric InfoNCE of pairs (a_i, b_i): the mean of both directions.

    Args:
        a, b: [B, D].
        neutral_mask: bool [B, B]; where true off the diagonal, the two items are neither positive nor
            negative of each other. The diagonal is always the positive.
        weights: [B], not negative; each pair's share in the mean. All equal by default. A pair of
            weight zero stays a negative of the others; if all are zero, so is the loss.
    """
    logits = similarity(a, b, scale)
    if neutral_mask is not None:
        own = torch.eye(len(a), dtype=torch.bool, device=a.device)
        logits = logits.masked_fill(neutral_mask & ~own, float("-inf"))
    target = torch.arange(len(a), device=a.device)
    each = F.cross_entropy(logits, target, reduction="none")
    each = (each + F.cross_entropy(logits.T, target, reduction="none")) / 2
    if weights is None:
        return each.mean()
    weights = weights.to(each)
    return (weights * each).sum() / weights.sum().clamp_min(torch.finfo(each.dtype).tiny)


def multi_positive(
    a: torch.Tensor,
    candidates: torch.Tensor,
    positives: torch.Tensor,
    scale: torch.Tensor,
    *,
    neutral_mask: torch.Tensor | None = None,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the symmetric InfoNCE with several weighted positives a query among shared candidates.

    With W the positives, each row brought to the sum 1 (times the row's weight), it is
    -sum_ij W_ij (log softmax_j + log softmax_i)(scale a_i . c_j) / (2 sum W): a candidate that nobody
    chose is a negative of all queries, and one that others chose is a negative of the rest. One positive
    of weight 1 a row, on the diagonal, gives `info_nce`. The least value is not 0 but the mean entropy of W.

    Args:
        a: [B, D].
        candidates: [M, D], such as the neighbours of all queries, each once (`neighbour_targets`).
        positives: [B, M], bool or weights that are not negative. Targets: no gradient passes into them.
            A row without positive has no term of its own and stays a negative of the candidates.
        neutral_mask: bool [B, M]; neither positive nor negative. A positive is never masked.
        weights: [B], not negative; each query's share in the mean. All equal by default.
    """
    logits = similarity(a, candidates, scale)
    targets = positives.detach().to(logits)
    if neutral_mask is not None:
        logits = mask(logits, neutral_mask & (targets <= 0))
    tiny = torch.finfo(logits.dtype).tiny
    targets = targets / targets.sum(1, keepdim=True).clamp_min(tiny)
    if weights is not None:
        targets = targets * weights.to(targets)[:, None]
    both = logits.log_softmax(1) + logits.log_softmax(0)
    total = (targets * both.masked_fill(targets <= 0, 0.0)).sum()
    return -total / (2 * targets.sum().clamp_min(tiny))


def neighbour_weights(scores: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return the softmax of the neighbours' scores, [B, K].

    Args:
        scores: [B, K], inner products; -inf for one to leave out. A row of nothing else gives zeros.
    """
    finite = scores.isfinite()
    logits = mask(widen(scores) / temperature, ~finite)
    return logits.softmax(dim=1).masked_fill(~finite, 0.0)


def neighbour_targets(
    index: torch.Tensor, weights: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the neighbours of all queries as candidates and positives of `multi_positive`.

    Args:
        index: int64 [B, K], the entries nearest to each query.
        weights: [B, K]; an entry of weight zero is left out.

    Returns:
        int64 [M], the entries that occur, each once, ascending; and their weights [B, M].
    """
    used = weights > 0
    chosen = index[used]
    entries = torch.tensor(sorted(set(chosen.tolist())), dtype=torch.int64, device=index.device)
    cells = (used.nonzero()[:, 0], torch.searchsorted(entries, chosen))
    targets = weights.new_zeros(len(index), len(entries))
    return entries, targets.index_put(cells, weights[used], accumulate=True)


def pool_neighbours(scores: torch.Tensor, values: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return one embedding for each query: its neighbours' values, weighted by softmax of their scores.

    Args:
        scores: [B, K], inner products; -inf for one to leave out.
        values: [B, K, D].

    Returns:
        [B, D], normalised; zeros for a row without neighbours.
    """
    weights = neighbour_weights(scores, temperature)
    mixed = (weights.to(widen(values))[:, :, None] * widen(values)).sum(1)
    return F.normalize(mixed, dim=-1)


def retrieval(
    visual: torch.Tensor,
    title: torch.Tensor,
    neighbour_visual: torch.Tensor,
    neighbour_title: torch.Tensor,
    scale: torch.Tensor,
    *,
    neutral_mask: torch.Tensor | None = None,
) -> torch.Tensor:
    """Contrast videos with their silent neighbours' pooled titles, and titles with their pooled pictures.

    All arguments are [B, D].
    """
    visual_term = info_nce(visual, neighbour_title, scale, neutral_mask=neutral_mask)
    title_term = info_nce(title, neighbour_visual, scale, neutral_mask=neutral_mask)
    return (visual_term + title_term) / 2


def fused(visual: torch.Tensor, pooled: torch.Tensor, weight: float) -> torch.Tensor:
    """Return normalise(v + weight r), to replace v in a loss.

    Args:
        visual: [B, D].
        pooled: [B, D], pooled neighbours; a row of zeros (no neighbour) leaves v as it is.
    """
    return F.normalize(widen(visual) + weight * widen(pooled), dim=-1)


def similarity(a: torch.Tensor, b: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Return logits scale a_i . b_j, [..., A, B], of a [..., A, D] and b [..., B, D], at least in float32."""
    with torch.autocast(a.device.type, enabled=False):
        return (widen(scale) * widen(a)) @ widen(b).transpose(-1, -2)


def mask(logits: torch.Tensor, left_out: torch.Tensor) -> torch.Tensor:
    """Return the logits with those left out so low that they add nothing to a softmax.

    They are finite, so that a row of nothing else makes no NaN.
    """
    return logits.masked_fill(left_out, torch.finfo(logits.dtype).min)


def widen(x: torch.Tensor) -> torch.Tensor:
    """Return float16 and bfloat16 as float32; all others as they are."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def same_text(texts: Sequence[str]) -> torch.Tensor:
    """Return bool [B, B]: pairs of items with equal text, but for case and blanks."""
    known: dict[str, int] = {}
    numbers = torch.tensor(
        [known.setdefault(" ".join(t.lower().split()), len(known)) for t in texts]
    )
    return numbers[:, None] == numbers[None, :]


def overlapping(
    videos: Sequence[str], starts_s: Sequence[float], ends_s: Sequence[float]
) -> torch.Tensor:
    """Return bool [B, B]: pairs of half-open spans of the same video that share some time."""
    numbers: dict[str, int] = {}
    video = torch.tensor([numbers.setdefault(v, len(numbers)) for v in videos])
    start = torch.tensor(starts_s, dtype=torch.float64)
    end = torch.tensor(ends_s, dtype=torch.float64)
    meet = (start[:, None] < end[None, :]) & (start[None, :] < end[:, None])
    return meet & (video[:, None] == video[None, :])
