"""The k largest of each row, with ties in the order of the columns."""

from __future__ import annotations

import torch


def top_k(scores: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return values and columns, [B, min(k, N)], of the largest scores, best first; of equal ones the first.

    `torch.topk` may choose any of equal scores, and other ones on other devices.

    Args:
        scores: [B, N] without NaN; -inf is allowed.
        k: at least 1.
    """
    k = min(k, scores.shape[1])
    values, columns = scores.topk(k, dim=1)
    least = values[:, -1:]
    above, level = scores > least, scores == least
    room = k - above.sum(1, keepdim=True)
    if (level.sum(1, keepdim=True) > room).any():  # Equal scores on both sides of the cut.
        columns = (above | (level & (level.cumsum(1) <= room))).nonzero()[:, 1].view(len(scores), k)
    columns = columns.sort(dim=1).values
    values = scores.gather(1, columns)
    order = values.argsort(dim=1, descending=True, stable=True)
    return values.gather(1, order), columns.gather(1, order)
