"""Random changes of training pictures. In: uint8 [B, F, 3, S, S]. Out: float [B, F, 3, s, s] in [0, 1].

All frames of one clip or video change alike: they come from one microscope in one position.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from ophclip.config import AugmentConfig


def augment(
    frames: torch.Tensor, *, side: int, config: AugmentConfig, random: torch.Generator
) -> torch.Tensor:
    """One random affine map and one colour change for each of the B items.

    Args:
        frames: uint8 [B, F, 3, S, S].
        side: s, the side of the squares that come out.
        random: a CPU generator; the result is the same on every device.
    """
    batch, count, channels = frames.shape[:3]
    theta = _affine_maps(batch, config, random).to(frames.device)
    pictures = frames.flatten(0, 1).float() / 255
    grid = F.affine_grid(
        theta.repeat_interleave(count, dim=0),
        [batch * count, channels, side, side],
        align_corners=False,
    )
    warped = F.grid_sample(
        pictures, grid, mode="bilinear", padding_mode="reflection", align_corners=False
    )
    return _recolour(warped.view(batch, count, channels, side, side), config, random)


def plain(frames: torch.Tensor, *, side: int) -> torch.Tensor:
    """The unchanged pictures, resized from S to s: float [..., 3, s, s] in [0, 1]."""
    lead = frames.shape[:-3]
    pictures = frames.flatten(0, -4).float() / 255
    resized = F.interpolate(
        pictures, size=(side, side), mode="bilinear", align_corners=False, antialias=True
    )
    return resized.view(*lead, *resized.shape[1:])


def _uniform(batch: int, low: float, high: float, random: torch.Generator) -> torch.Tensor:
    return low + (high - low) * torch.rand(batch, generator=random)


def _affine_maps(batch: int, config: AugmentConfig, random: torch.Generator) -> torch.Tensor:
    """[B, 2, 3]: from coordinates of the new picture to those of the old one, both in [-1, 1]."""
    angle = _uniform(batch, -config.rotation_deg, config.rotation_deg, random) * (math.pi / 180)
    zoom = _uniform(batch, config.zoom_min, config.zoom_max, random)
    stretch = 1 + _uniform(batch, -config.stretch, config.stretch, random)
    mirror = 1 - 2 * (torch.rand(batch, generator=random) < config.mirror_p).float()
    shift_x = _uniform(batch, -config.shift, config.shift, random)
    shift_y = _uniform(batch, -config.shift, config.shift, random)
    cos, sin = angle.cos(), angle.sin()
    along, across = zoom * stretch.sqrt(), zoom / stretch.sqrt()
    first = torch.stack([mirror * along * cos, -across * sin, 2 * shift_x], dim=1)
    second = torch.stack([mirror * along * sin, across * cos, 2 * shift_y], dim=1)
    return torch.stack([first, second], dim=1)


def _recolour(frames: torch.Tensor, config: AugmentConfig, random: torch.Generator) -> torch.Tensor:
    batch = frames.shape[0]

    def factor(strength: float) -> torch.Tensor:
        drawn = 1 + _uniform(batch, -strength, strength, random)
        return drawn.view(batch, 1, 1, 1, 1).to(frames.device)

    # Rows are brought to a sum of 1, so that grey stays grey.
    mix = torch.eye(3) + config.channel_mix * torch.randn(batch, 3, 3, generator=random)
    mix = mix / mix.sum(dim=2, keepdim=True).clamp_min(0.3)
    frames = torch.einsum("bij,bfjhw->bfihw", mix.to(frames.device), frames)
    cast = 1 + config.cast * (2 * torch.rand(batch, 1, 3, 1, 1, generator=random) - 1)
    frames = frames * factor(config.brightness) * cast.to(frames.device)
    mean = frames.mean(dim=(1, 2, 3, 4), keepdim=True)
    frames = mean + (frames - mean) * factor(config.contrast)
    grey = frames.mean(dim=2, keepdim=True)
    frames = grey + (frames - grey) * factor(config.saturation)
    return frames.clamp(0, 1)
