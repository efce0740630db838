"""The moving average of the weights."""

from __future__ import annotations

import torch
from torch import nn

from ophclip.training.ema import MovingAverage


def test_it_follows_the_weights_and_is_applied_for_a_while_only() -> None:
    model = nn.Linear(1, 1)
    model.bias.requires_grad_(False)
    with torch.no_grad():
        model.weight.fill_(0.0)
    average = MovingAverage(model, decay=0.5)
    assert set(average.tensors) == {"weight"}
    expected = 0.0
    for step, value in enumerate((1.0, 2.0, 4.0)):
        with torch.no_grad():
            model.weight.fill_(value)
        average.update(model, step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
    assert abs(float(average.tensors["weight"]) - expected) < 1e-6
    with average.applied(model):
        assert abs(float(model.weight.detach()) - expected) < 1e-6
    assert float(model.weight.detach()) == 4.0
