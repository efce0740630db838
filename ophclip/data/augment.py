"""Augmentation of training frames and narrations that keeps their meaning.

Frames: uint8 [B, F, 3, S, S] to float [B, F, 3, s, s] in [0, 1]. All frames of one clip or video change
alike: they come from one microscope in one position. Of a narration whole sentences are left out; within
them nothing changes: one word more or less can turn left into right, or "done" into "not done".
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F

from ophclip.config import AugmentConfig

_BETWEEN_SENTENCES = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Parameters of one affine map and one colour change for each of B items."""

    theta: torch.Tensor
    """[B, 2, 3]: from coordinates of the new frame to those of the old one, both in [-1, 1]."""
    mix: torch.Tensor
    """[B, 3, 3]: weights of the three old colour channels in each new one."""
    cast: torch.Tensor
    """[B, 3]: factor of each colour channel."""
    contrast: torch.Tensor
    """[B]: factor of the distance from the item's mean."""
    saturation: torch.Tensor
    """[B]: factor of the distance from grey."""

    def select(self, items: slice | list[int]) -> Augmentation:
        """Return the parameters of some of the items."""
        return Augmentation(
            **{field.name: getattr(self, field.name)[items] for field in fields(self)}
        )


def draw_augmentation(
    batch: int, *, config: AugmentConfig, random: torch.Generator
) -> Augmentation:
    """Draw parameters for `batch` items with a CPU generator, so that they are the same on every device."""
    theta = _affine_maps(batch, config, random)
    mix = torch.eye(3) + config.channel_mix * torch.randn(batch, 3, 3, generator=random)
    cast = 1 + config.cast * _uniform((batch, 3), -1, 1, random)
    brightness = 1 + config.brightness * _uniform((batch, 1), -1, 1, random)
    return Augmentation(
        theta=theta,
        mix=mix / mix.sum(dim=2, keepdim=True).clamp_min(0.3),  # So that grey stays grey.
        cast=cast * brightness,
        contrast=1 + config.contrast * _uniform((batch,), -1, 1, random),
        saturation=1 + config.saturation * _uniform((batch,), -1, 1, random),
    )


def augment(frames: torch.Tensor, augmentation: Augmentation, *, side: int) -> torch.Tensor:
    """Warp and recolour the frames of B items.

    Args:
        frames: uint8 [B, F, 3, S, S].
        augmentation: the parameters of these B items.
        side: s, the side of the returned squares in pixels.

    Returns:
        Float [B, F, 3, s, s] in [0, 1].
    """
    batch, count, channels = frames.shape[:3]
    pixels = frames.flatten(0, 1).float() / 255
    grid = F.affine_grid(
        augmentation.theta.to(frames.device).repeat_interleave(count, dim=0),
        [batch * count, channels, side, side],
        align_corners=False,
    )
    warped = F.grid_sample(
        pixels, grid, mode="bilinear", padding_mode="reflection", align_corners=False
    )
    return _recolour(warped.view(batch, count, channels, side, side), augmentation)


def resize_frames(frames: torch.Tensor, *, side: int) -> torch.Tensor:
    """Resize frames without augmentation.

    Args:
        frames: uint8 [..., 3, S, S].
        side: s, the side of the returned squares in pixels.

    Returns:
        Float [..., 3, s, s] in [0, 1].
    """
    lead = frames.shape[:-3]
    pixels = frames.flatten(0, -4).float() / 255
    resized = F.interpolate(
        pixels, size=(side, side), mode="bilinear", align_corners=False, antialias=True
    )
    return resized.view(*lead, *resized.shape[1:])


def crop_text(text: str, *, config: AugmentConfig, random: torch.Generator) -> str:
    """Return some consecutive sentences with probability `sentence_crop_p`, else the whole text."""
    if float(torch.rand((), generator=random)) >= config.sentence_crop_p:
        return text
    sentences = _BETWEEN_SENTENCES.split(text.strip())
    count = int(torch.randint(1, len(sentences) + 1, (), generator=random))
    first = int(torch.randint(len(sentences) - count + 1, (), generator=random))
    return " ".join(sentences[first : first + count])


def _uniform(
    shape: tuple[int, ...], low: float, high: float, random: torch.Generator
) -> torch.Tensor:
    return low + (high - low) * torch.rand(shape, generator=random)


def _affine_maps(batch: int, config: AugmentConfig, random: torch.Generator) -> torch.Tensor:
    shape = (batch,)
    angle = _uniform(shape, -config.rotation_deg, config.rotation_deg, random) * (math.pi / 180)
    zoom = _uniform(shape, config.zoom_min, config.zoom_max, random)
    stretch = 1 + _uniform(shape, -config.stretch, config.stretch, random)
    mirror = 1 - 2 * (torch.rand(batch, generator=random) < config.mirror_p).float()
    shift_x = _uniform(shape, -config.shift, config.shift, random)
    shift_y = _uniform(shape, -config.shift, config.shift, random)
    cos, sin = angle.cos(), angle.sin()
    along, across = zoom * stretch.sqrt(), zoom / stretch.sqrt()
    first = torch.stack([mirror * along * cos, -across * sin, 2 * shift_x], dim=1)
    second = torch.stack([mirror * along * sin, across * cos, 2 * shift_y], dim=1)
    return torch.stack([first, second], dim=1)


def _recolour(frames: torch.Tensor, augmentation: Augmentation) -> torch.Tensor:
    """Change the colours of float frames [B, F, 3, s, s]; clamp to [0, 1]."""

    def each(values: torch.Tensor, *shape: int) -> torch.Tensor:
        return values.to(frames.device).view(-1, *shape)

    frames = torch.einsum("bij,bfjhw->bfihw", augmentation.mix.to(frames.device), frames)
    frames = frames * each(augmentation.cast, 1, 3, 1, 1)
    mean = frames.mean(dim=(1, 2, 3, 4), keepdim=True)
    frames = mean + (frames - mean) * each(augmentation.contrast, 1, 1, 1, 1)
    grey = frames.mean(dim=2, keepdim=True)
    frames = grey + (frames - grey) * each(augmentation.saturation, 1, 1, 1, 1)
    return frames.clamp(0, 1)
