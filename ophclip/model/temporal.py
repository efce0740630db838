"""Modules for order and context in time. In: features of frames. Out: one feature of the same width.

Both add the output of a small transformer to their input, times a gate that starts at zero: at the start of
training they change nothing. Shapes: B items, F frames, N context frames, W the width of the features, H =
`_WIDTH` that of the transformers.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

_WIDTH = 256
_HEADS = 4
"""Width and heads of the transformers, whatever W is: features of 2,048 need no more here."""


class FramePooling(nn.Module):
    """The mean over the frames of an item, plus a gated feature of their order."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.stack = _Stack(width, layers)

    def forward(self, features: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Pool the frames of each item.

        Args:
            features: [B, F, W], in time order.
            mask: bool [B, F], False where there is no frame (padding); at least one True per row.

        Returns:
            float32 [B, W].
        """
        features = features.float()
        if mask is None:
            mask = torch.ones(features.shape[:2], dtype=torch.bool, device=features.device)
        # Attention weight 0 times infinity is NaN.
        features = features.masked_fill(~mask[:, :, None], 0)
        # In shares of the item's length, so that 8 and 64 frames mean the same time; padding counts none.
        positions = (mask.cumsum(1) - 0.5) / mask.sum(1, keepdim=True).clamp(min=1)
        # Wavelengths from twice the item's length down to a 32nd of it.
        times = _sinusoids(positions, longest=2.0, shortest=1 / 32)
        states = self.stack(features, times, mask)
        gated = self.stack.gated(masked_mean(states, mask))
        return masked_mean(features, mask) + gated


class ContextEncoder(nn.Module):
    """A clip's feature, plus a gated feature of the frames before and after it."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.stack = _Stack(width, layers)
        # Distinguishes the clip from a context frame of the same time. The name is that in checkpoints.
        self.mark = nn.Parameter(torch.randn(_WIDTH) * 0.02)

    def forward(
        self,
        clips: torch.Tensor,
        context: torch.Tensor,
        offsets_s: torch.Tensor,
        mask: torch.Tensor,
    ) -> torch.Tensor:
        """Add to each clip a gated feature of its context; a clip without context stays exactly as it is.

        Args:
            clips: [B, W].
            context: [B, N, W].
            offsets_s: [B, N], seconds from the clip's middle to the context frame, negative before it.
            mask: bool [B, N], False where there is no context frame. Those have no influence at all.

        Returns:
            float32 [B, W].
        """
        clips = clips.float()
        context = context.float().masked_fill(~mask[:, :, None], 0)
        offsets_s = offsets_s.float().masked_fill(~mask, 0)
        # A second matters next to the clip and not an hour away.
        positions = offsets_s.sign() * offsets_s.abs().log1p()
        positions = F.pad(positions, (1, 0))  # The clip itself, at 0.
        # log1p of a day is 11: the longest wave separates before from after at any distance.
        times = _sinusoids(positions, longest=32.0, shortest=0.25)
        marks = F.pad(self.mark[None], (0, 0, 0, mask.shape[1]))  # [1 + N, H]
        attended = F.pad(mask, (1, 0), value=True)
        states = self.stack(torch.cat([clips[:, None], context], 1), times + marks, attended)
        changed = clips + self.stack.gated(states[:, 0])
        return torch.where(mask.any(1, keepdim=True), changed, clips)


def masked_mean(features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the mean of `features` [B, F, W] over frames where `mask` [B, F] is True; else zeros: [B, W]."""
    present = mask[:, :, None]
    total = features.float().masked_fill(~present, 0).sum(1)
    return total / present.sum(1).clamp(min=1)


class _Stack(nn.Module):
    """Transformer layers of width H, and a gated projection back to width W."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.enter = nn.Linear(width, _WIDTH)
        self.layers = nn.ModuleList(_Layer() for _ in range(layers))
        self.last_norm = nn.LayerNorm(_WIDTH)
        self.leave = nn.Linear(_WIDTH, width)
        # One for each dimension. `leave` starts at random, so that the gate has a gradient.
        self.gate = nn.Parameter(torch.zeros(width))

    def forward(
        self, features: torch.Tensor, times: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """Run the layers over T positions.

        Args:
            features: [B, T, W].
            times: [B, T, H], embeddings of the positions' times.
            mask: bool [B, T], False where a position is not attended to.

        Returns:
            [B, T, H].
        """
        states = self.enter(self.norm(features)).float() + times
        for layer in self.layers:
            states = layer(states, mask)
        return self.last_norm(states)  # type: ignore[no-any-return]

    def gated(self, states: torch.Tensor) -> torch.Tensor:
        """Project states [B, H] to [B, W], times the gate."""
        return self.gate * self.leave(states).float()  # type: ignore[no-any-return]


class _Layer(nn.Module):
    """Attention and a perceptron, each after a norm and added to its input.

    Not torch's own layer: in evaluation mode that takes another code path, with other roundings.
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

    def forward(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Update float32 states [B, T, H]; `mask` [B, T] is False where a position is not attended to."""
        projected = self.queries_keys_values(self.norm(states)).unflatten(-1, (3, _HEADS, -1))
        queries, keys, values = projected.permute(2, 0, 3, 1, 4)  # [B, heads, T, H / heads] each
        attention = F.scaled_dot_product_attention(
            queries, keys, values, attn_mask=mask[:, None, None, :]
        )
        # The sums stay in float32 under autocast, and with them the norms.
        states = states + self.joined(attention.transpose(1, 2).flatten(2)).float()
        return states + self.perceptron(states).float()  # type: ignore[no-any-return]


def _sinusoids(positions: torch.Tensor, *, longest: float, shortest: float) -> torch.Tensor:
    """Embed positions [...] as [..., H]: sines and cosines of geometrically spaced wavelengths."""
    wavelengths = torch.linspace(
        math.log(longest), math.log(shortest), _WIDTH // 2, device=positions.device
    ).exp()
    angles = 2 * math.pi * positions[..., None] / wavelengths
    return torch.cat([angles.sin(), angles.cos()], -1)
