"""A slow copy of the weights that learn: their exponential moving average over the steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn


class MovingAverage:
    """`decay` of the old value and the rest of the new one, step by step; less in the first steps.

    With a constant decay the random start would weigh for long, so step n uses at most (1 + n) / (10 + n).
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.tensors = {
            name: parameter.detach().clone()
            for name, parameter in model.named_parameters()
            if parameter.requires_grad
        }

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Move the average towards the weights after `step` (counted from 0)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        parameters = dict(model.named_parameters())
        for name, tensor in self.tensors.items():
            tensor.lerp_(parameters[name].detach(), 1 - decay)

    @contextmanager
    def applied(self, model: nn.Module) -> Iterator[None]:
        """Give the model the averaged weights within the block."""
        parameters = dict(model.named_parameters())
        raw = {name: parameters[name].detach().clone() for name in self.tensors}
        self._copy(parameters, self.tensors)
        try:
            yield
        finally:
            self._copy(parameters, raw)

    @torch.no_grad()
    def _copy(
        self, parameters: Mapping[str, nn.Parameter], tensors: Mapping[str, torch.Tensor]
    ) -> None:
        for name, tensor in tensors.items():
            parameters[name].copy_(tensor)
