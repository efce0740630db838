"""The loss terms, as pure functions of L2-normalised embeddings.

Shapes: B items, D dimensions, K neighbours, M candidates. `scale` is the logit scale, 1 / temperature.
Sources: InfoNCE in its symmetric form, CLIP (https://arxiv.org/abs/2103.00020); several positives outside
the logarithm, SupCon (https://arxiv.org/abs/2004.11362); parent-child term, HecVL
(https://arxiv.org/abs/2405.10075); retrieval, after OphCLIP (https://arxiv.org/abs/2411.15421), whose
abstract names retrieval from silent videos but not the form of the loss: the three forms are ours.

All is computed in float32 at least, also within autocast: at a scale of 100, bfloat16 knows a logit no
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
    ignored: torch.Tensor | None = None,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """Symmetric InfoNCE of pairs (a_i, b_i): the mean of both directions.

    Args:
        a, b: [B, D].
        ignored: bool [B, B]; where true off the diagonal, the two items are neither positive nor
            negative of each other. The diagonal is always the positive.
        weights: [B], not negative; each pair's share in the mean. All equal by default. A pair of
            weight zero stays a negative of the others; if all are zero, so is the loss.
    """
    logits = similarity(a, b, scale)
    if ignored is not None:
        own = torch.eye(len(a), dtype=torch.bool, device=a.device)
        logits = logits.masked_fill(ignored & ~own, float("-inf"))
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
    ignored: torch.Tensor | None = None,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """Symmetric InfoNCE with several weighted positives for each query among shared candidates.

    With W the positives, each row brought to the sum 1 (times the row's weight), it is
    -sum_ij W_ij (log softmax_j + log softmax_i)(scale a_i . c_j) / (2 sum W): a candidate that nobody
    chose is a negative of all queries, and one that others chose is a negative of the rest. One positive
    of weight 1 a row, on the diagonal, gives `info_nce`. The least value is not 0 but the mean entropy of W.

    Args:
        a: [B, D].
        candidates: [M, D], such as the neighbours of all queries, each once (`neighbour_targets`).
        positives: [B, M], bool or weights that are not negative. Targets: no gradient passes into them.
            A row without positive has no term of its own and stays a negative of the candidates.
        ignored: bool [B, M]; neither positive nor negative. A positive is never ignored.
        weights: [B], not negative; each query's share in the mean. All equal by default.
    """
    logits = similarity(a, candidates, scale)
    targets = positives.detach().to(logits)
    if ignored is not None:
        logits = mask(logits, ignored & (targets <= 0))
    tiny = torch.finfo(logits.dtype).tiny
    targets = targets / targets.sum(1, keepdim=True).clamp_min(tiny)
    if weights is not None:
        targets = targets * weights.to(targets)[:, None]
    both = logits.log_softmax(1) + logits.log_softmax(0)
    total = (targets * both.masked_fill(targets <= 0, 0.0)).sum()
    return -total / (2 * targets.sum().clamp_min(tiny))


def neighbour_weights(scores: torch.Tensor, temperature: float) -> torch.Tensor:
    """Softmax of the neighbours' scores, [B, K].

    Args:
        scores: [B, K], inner products; -inf for a place to leave out. A row of nothing else gives zeros.
    """
    finite = scores.isfinite()
    logits = mask(widen(scores) / temperature, ~finite)
    return logits.softmax(dim=1).masked_fill(~finite, 0.0)


def neighbour_targets(
    index: torch.Tensor, weights: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Neighbours of all queries as candidates and positives of `multi_positive`.

    Args:
        index: int64 [B, K], entries found for each query.
        weights: [B, K]; a place of weight zero is left out.

    Returns:
        int64 [M], the entries that occur, each once, ascending; and their weights [B, M].
    """
    used = weights > 0
    chosen = index[used]
    places = torch.tensor(sorted(set(chosen.tolist())), dtype=torch.int64, device=index.device)
    cells = (used.nonzero()[:, 0], torch.searchsorted(places, chosen))
    targets = weights.new_zeros(len(index), len(places))
    return places, targets.index_put(cells, weights[used], accumulate=True)


def pool_neighbours(scores: torch.Tensor, values: torch.Tensor, temperature: float) -> torch.Tensor:
    """One embedding for each query: its neighbours' values, weighted by softmax of their scores.

    Args:
        scores: [B, K], inner products; -inf for a place to leave out.
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
    ignored: torch.Tensor | None = None,
) -> torch.Tensor:
    """Pooled neighbours as extra positives across modalities: video with the pooled titles of its silent
    neighbours, title with their pooled pictures. All arguments [B, D].
    """
    visual_term = info_nce(visual, neighbour_title, scale, ignored=ignored)
    title_term = info_nce(title, neighbour_visual, scale, ignored=ignored)
    return (visual_term + title_term) / 2


def fused(visual: torch.Tensor, pooled: torch.Tensor, weight: float) -> torch.Tensor:
    """normalise(v + weight r), to take the place of v in a loss.

    Args:
        visual: [B, D].
        pooled: [B, D], pooled neighbours; a row of zeros (no neighbour) leaves v as it is.
    """
    return F.normalize(widen(visual) + weight * widen(pooled), dim=-1)


def similarity(a: torch.Tensor, b: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Logits scale a_i . b_j, [..., A, B], of a [..., A, D] and b [..., B, D], in float32 at least."""
    with torch.autocast(a.device.type, enabled=False):
        return (widen(scale) * widen(a)) @ widen(b).transpose(-1, -2)


def mask(logits: torch.Tensor, left_out: torch.Tensor) -> torch.Tensor:
    """Logits with those left out so low that a softmax takes them for nothing. They are finite, so that a row
    of nothing else makes no NaN.
    """
    return logits.masked_fill(left_out, torch.finfo(logits.dtype).min)


def widen(x: torch.Tensor) -> torch.Tensor:
    """float16 and bfloat16 as float32; all others as they are."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


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
