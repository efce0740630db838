"""Cached gradients are those of one pass over everything."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ophclip.losses.contrastive import info_nce
from ophclip.training.gradient_cache import backward


@pytest.mark.parametrize("sizes", [[6], [3, 3], [1, 2, 3], [1] * 6])
def test_the_gradient_does_not_depend_on_the_parts(sizes: list[int]) -> None:
    torch.manual_seed(0)
    pictures, texts = torch.randn(6, 5), torch.randn(6, 7)
    image, text = nn.Linear(5, 4).double(), nn.Linear(7, 4).double()
    log_scale = nn.Parameter(torch.tensor(1.5, dtype=torch.float64))
    learning = [*image.parameters(), *text.parameters(), log_scale]

    def embed(start: int, stop: int) -> dict[str, torch.Tensor]:
        return {
            "visual": F.normalize(image(pictures[start:stop].double()), dim=-1),
            "text": F.normalize(text(texts[start:stop].double()), dim=-1),
        }

    def loss(made) -> torch.Tensor:
        return info_nce(made["visual"], made["text"], log_scale.exp())

    loss(embed(0, 6)).backward()
    plain = [parameter.grad.clone() for parameter in learning]
    for parameter in learning:
        parameter.grad = None
    ends = torch.tensor(sizes).cumsum(0).tolist()
    starts = [0, *ends[:-1]]
    backward([lambda a=a, b=b: embed(a, b) for a, b in zip(starts, ends, strict=True)], loss)
    for parameter, expected in zip(learning, plain, strict=True):
        torch.testing.assert_close(parameter.grad, expected, rtol=1e-10, atol=1e-12)


def test_parts_may_bring_different_embeddings_and_some_without_gradient() -> None:
    weight = nn.Parameter(torch.tensor([2.0, 3.0]))
    parts = [
        lambda: {"a": weight[:1] * 1.0, "fixed": torch.ones(1)},
        lambda: {"b": weight * 5.0},
        lambda: {"a": weight[1:] * 1.0, "fixed": torch.ones(1)},
    ]
    backward(parts, lambda made: (made["a"].sum() + made["b"].sum() + made["fixed"].sum()) ** 2)
    alone = weight.detach().clone().requires_grad_()
    ((alone.sum() + 5 * alone.sum() + 2) ** 2).backward()
    torch.testing.assert_close(weight.grad, alone.grad)


@pytest.mark.parametrize("count", [1, 3])
def test_the_loss_is_scaled_before_gradients_are_taken(count: int) -> None:
    weight = nn.Parameter(torch.tensor([2.0]))
    parts = [lambda: {"a": weight * 1.0}] * count
    backward(parts, lambda made: made["a"].sum() ** 2, scale=lambda value: value * 8)
    # The derivative of (count * weight) ** 2, eight times.
    assert float(weight.grad) == 8 * 2 * count**2 * 2.0
