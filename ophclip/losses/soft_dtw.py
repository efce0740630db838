"""Order of frames and texts: soft-DTW, and a hinge against the texts in reverse.

Sources: soft-DTW, Cuturi & Blondel 2017 (https://arxiv.org/abs/1703.01541); its use with time-reversed
texts as negatives, PeskaVLP (https://arxiv.org/abs/2410.00263). The code is ours, and so are the sweep over
anti-diagonals, the division by the number of frames, and leaving out items with fewer than two texts.
Shapes: B items, F frames, M texts, D dimensions.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ophclip.losses.contrastive import mask, similarity, widen

FAR = 1e10
"""Cost of a cell outside the table. Finite, so that gradients are; real paths cost far less."""


def soft_dtw(
    cost: torch.Tensor,
    gamma: float,
    *,
    frame_lengths: torch.Tensor | None = None,
    text_lengths: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the soft minimum, over all monotone paths from the first cell to the last, of the summed cost.

    R_ij = C_ij + softmin(R_i-1j, R_ij-1, R_i-1j-1), softmin(x) = -gamma log sum exp(-x / gamma). All cells
    of an anti-diagonal are computed at once: F + M - 1 steps for the whole batch.

    Args:
        cost: [B, F, M].
        gamma: above 0; towards 0 it becomes ordinary DTW. The value may be negative.
        frame_lengths, text_lengths: int64 [B], at least 1; rows and columns beyond are padding and may
            hold anything. All by default.

    Returns:
        [B].
    """
    cost = widen(cost)
    batch, rows, columns = cost.shape
    device = cost.device
    last_row = _lengths(frame_lengths, batch, rows, device) - 1
    last_column = _lengths(text_lengths, batch, columns, device) - 1
    row, column = torch.arange(rows, device=device), torch.arange(columns, device=device)
    padding = (row[None, :, None] > last_row[:, None, None]) | (
        column[None, None] > last_column[:, None, None]
    )
    # Diagonal d holds the cells (i, d - i).
    other = torch.arange(rows + columns - 1, device=device)[None, :] - row[:, None]
    inside = (other >= 0) & (other < columns)
    place = other.clamp(0, columns - 1).expand(batch, -1, -1)
    skewed = cost.masked_fill(padding, 0.0).gather(2, place).unbind(2)
    outside = cost.new_full((batch, rows), FAR)
    diagonals = [outside, outside]
    for d in range(rows + columns - 1):
        before, last = diagonals[-2:]
        above = F.pad(last[:, :-1], (1, 0), value=FAR)
        corner = F.pad(before[:, :-1], (1, 0), value=FAR if d else 0.0)
        reached = torch.stack([above, last, corner])
        softmin = -gamma * (-reached / gamma).logsumexp(0)
        diagonals.append(torch.where(inside[:, d], skewed[d] + softmin, outside))
    table = torch.stack(diagonals[2:], dim=1)
    return table[torch.arange(batch, device=device), last_row + last_column, last_row]


def order_loss(
    frames: torch.Tensor,
    texts: torch.Tensor,
    text_mask: torch.Tensor,
    scale: torch.Tensor,
    gamma: float,
    margin: float,
) -> torch.Tensor:
    """Return how far the texts fit the frames no better in their order than in reverse.

    max(0, margin + (DTW(C) - DTW(C reversed)) / F), with C_fm = -log softmax_m(scale frame_f . text_m) over
    the item's own texts; mean over the items that have two texts or more, 0 if there is none.

    Args:
        frames: [B, F, D], in time order.
        texts: [B, M, D], in time order; padding must be finite.
        text_mask: bool [B, M], true for real texts; padding may stand anywhere.
        gamma: softness of `soft_dtw`.
        margin: in cost a frame, so that it means the same for every F.
    """
    order = (~text_mask).long().argsort(dim=1, stable=True)
    real = text_mask.gather(1, order)[:, None, :]
    logits = similarity(frames, texts.gather(1, order[:, :, None].expand_as(texts)), scale)
    cost = -mask(logits, ~real).log_softmax(2)
    count = text_mask.sum(1)
    place = torch.arange(texts.shape[1], device=texts.device)
    back = torch.where(place < count[:, None], count[:, None] - 1 - place, place)
    reverse = cost.gather(2, back[:, None].expand_as(cost))
    lengths = count.clamp_min(1).repeat(2)
    right, wrong = soft_dtw(torch.cat([cost, reverse]), gamma, text_lengths=lengths).chunk(2)
    hinge = (margin + (right - wrong) / frames.shape[1]).relu()
    usable = count >= 2
    return (hinge * usable).sum() / usable.sum().clamp_min(1)


def _lengths(
    lengths: torch.Tensor | None, batch: int, size: int, device: torch.device
) -> torch.Tensor:
    if lengths is None:
        return torch.full((batch,), size, dtype=torch.int64, device=device)
    return lengths.to(device)
