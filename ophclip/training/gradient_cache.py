"""The gradient of a loss over a whole batch that is encoded in parts, so that it fits a small card.

GradCache (Gao et al. 2021, https://arxiv.org/abs/2101.06983): encode every part without gradient, take the
gradient of the loss with respect to the embeddings, then encode each part again and pass that on.
The result is that of one pass over everything, at the cost of one more forward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch

Embeddings = Mapping[str, torch.Tensor]
"""Embeddings by name, each [items of the part, ...]."""

Part = Callable[[], Embeddings]
"""Encodes one part. Called again, it must give the same: whatever it draws at random, it seeds itself."""


def backward(
    parts: Sequence[Part],
    loss: Callable[[Embeddings], torch.Tensor],
    *,
    scale: Callable[[torch.Tensor], torch.Tensor] = lambda value: value,
) -> None:
    """Add to the parameters' gradients those of `loss` of all parts' embeddings together.

    Args:
        loss: gets the parts' embeddings, joined name by name in the order of the parts.
        scale: applied to the loss before gradients are taken (for fp16).
    """
    if len(parts) == 1:
        scale(loss(parts[0]())).backward()  # type: ignore[no-untyped-call]
        return
    with torch.no_grad():
        encoded = [part() for part in parts]
    joined = {
        name: torch.cat([part[name] for part in encoded if name in part])
        for name in dict.fromkeys(name for part in encoded for name in part)
    }
    for tensor in joined.values():
        tensor.requires_grad_(tensor.is_floating_point())  # Masks come along, too.
    scale(loss(joined)).backward()  # type: ignore[no-untyped-call]
    done = dict.fromkeys(joined, 0)
    for part, first in zip(parts, encoded, strict=True):
        again = part()
        outputs, gradients = [], []
        for name in first:
            start = done[name]
            done[name] = start + len(first[name])
            whole = joined[name].grad
            if whole is not None and again[name].requires_grad:
                outputs.append(again[name])
                gradients.append(whole[start : done[name]])
        if outputs:
            torch.autograd.backward(outputs, gradients)
