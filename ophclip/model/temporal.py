"""What lies before and after in time. In: features of frames. Out: one feature of the same width.

Both modules add a small transformer's answer to what they are given, times a gate that starts at zero:
at the start of training they change nothing. B items, F frames, N neighbours, W the features' width.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

_WIDTH = 256
_HEADS = 4
"""Inside the transformers, whatever the image encoder's width: features of 2,048 need no more here."""


class FramePooling(nn.Module):
    """The mean over the frames of an item, and a gated share of what their order tells."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.stack = _Stack(width, layers)

    def forward(self, features: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """[B, F, W] to [B, W].

        Args:
            mask: bool [B, F], False where there is no frame (padding); at least one True a row.
        """
        features = features.float()
        if mask is None:
            mask = torch.ones(features.shape[:2], dtype=torch.bool, device=features.device)
        # Attention of weight 0 times infinity would still be felt.
        features = features.masked_fill(~mask[:, :, None], 0)
        # Shares of the item's length, so that 8 and 64 frames speak of the same time; padding has none.
        places = (mask.cumsum(1) - 0.5) / mask.sum(1, keepdim=True).clamp(min=1)
        # Up to half a turn over the whole item, and down to one in 32nd parts of it.
        times = _sinusoids(places, longest=2.0, shortest=1 / 32)
        states = self.stack(features, times, mask)
        gated = self.stack.gated(masked_mean(states, mask))
        return masked_mean(features, mask) + gated


class ContextEncoder(nn.Module):
    """A clip's feature, and a gated share of what its surroundings tell."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.stack = _Stack(width, layers)
        # Else a neighbour that was taken at the same time could not be told from the clip.
        self.mark = nn.Parameter(torch.randn(_WIDTH) * 0.02)

    def forward(
        self,
        centre: torch.Tensor,
        neighbours: torch.Tensor,
        offsets_s: torch.Tensor,
        mask: torch.Tensor,
    ) -> torch.Tensor:
        """[B, W] and [B, N, W] to [B, W]; without any neighbour a row stays exactly as it is.

        Args:
            offsets_s: [B, N], seconds from the clip's middle to the neighbour, negative before it.
            mask: bool [B, N], True where there is a neighbour. The others have no influence at all.
        """
        centre = centre.float()
        around = neighbours.float().masked_fill(~mask[:, :, None], 0)
        offsets_s = offsets_s.float().masked_fill(~mask, 0)
        # A second is much beside the clip and nothing an hour away.
        places = offsets_s.sign() * offsets_s.abs().log1p()
        places = F.pad(places, (1, 0))  # The clip itself, at 0.
        # log1p of a day is 11: the longest wave tells before from after at any distance.
        times = _sinusoids(places, longest=32.0, shortest=0.25)
        marks = F.pad(self.mark[None], (0, 0, 0, mask.shape[1]))  # [1 + N, width]
        seen = F.pad(mask, (1, 0), value=True)
        states = self.stack(torch.cat([centre[:, None], around], 1), times + marks, seen)
        changed = centre + self.stack.gated(states[:, 0])
        return torch.where(mask.any(1, keepdim=True), changed, centre)


def masked_mean(features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean of [B, F, W] over the frames where `mask` [B, F] is True; zeros where there are none."""
    present = mask[:, :, None]
    kept = features.float().masked_fill(~present, 0)
    return kept.sum(1) / present.sum(1).clamp(min=1)


class _Stack(nn.Module):
    """Transformer layers of their own width, and the gated way back to the features'."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.enter = nn.Linear(width, _WIDTH)
        self.layers = nn.ModuleList(_Layer() for _ in range(layers))
        self.last_norm = nn.LayerNorm(_WIDTH)
        self.leave = nn.Linear(_WIDTH, width)
        # One for each dimension. The way back starts at random, so that the gate has a gradient.
        self.gate = nn.Parameter(torch.zeros(width))

    def forward(
        self, features: torch.Tensor, times: torch.Tensor, seen: torch.Tensor
    ) -> torch.Tensor:
        """[B, T, W], [B, T, width] and bool [B, T] to [B, T, width]."""
        states = self.enter(self.norm(features)).float() + times
        for layer in self.layers:
            states = layer(states, seen)
        return self.last_norm(states)  # type: ignore[no-any-return]

    def gated(self, states: torch.Tensor) -> torch.Tensor:
        """[B, width] to [B, W]."""
        return self.gate * self.leave(states).float()  # type: ignore[no-any-return]


class _Layer(nn.Module):
    """Attention and a perceptron, each behind a norm and added to what came in.

    Not torch's own: in evaluation mode that takes another path, with other roundings.
    """

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(_WIDTH)
        self.queries_keys_values = nn.Linear(_WIDTH, 3 * _WIDTH)
        self.joined = nn.Linear(_WIDTH, _WIDTH)
        self.perceptron = nn.Sequential(
            nn.LayerNorm(_WIDTH),
            nn.Linear(_WIDTH, 2 * _WIDTH),
            nn.GELU(),
            nn.Linear(2 * _WIDTH, _WIDTH),
        )

    def forward(self, states: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """float32 [B, T, width] and bool [B, T], False where none may look, to [B, T, width]."""
        made = self.queries_keys_values(self.norm(states)).unflatten(-1, (3, _HEADS, -1))
        queries, keys, values = made.permute(2, 0, 3, 1, 4)  # [B, heads, T, width / heads] each
        found = F.scaled_dot_product_attention(
            queries, keys, values, attn_mask=seen[:, None, None, :]
        )
        # The sums stay in float32 under autocast, and with them the norms.
        states = states + self.joined(found.transpose(1, 2).flatten(2)).float()
        return states + self.perceptron(states).float()  # type: ignore[no-any-return]


def _sinusoids(places: torch.Tensor, *, longest: float, shortest: float) -> torch.Tensor:
    """[...] to [..., width]: sines and cosines of wavelengths in a geometric row."""
    row = torch.linspace(
        math.log(longest), math.log(shortest), _WIDTH // 2, device=places.device
    ).exp()
    angles = 2 * math.pi * places[..., None] / row
    return torch.cat([angles.sin(), angles.cos()], -1)
