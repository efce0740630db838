"""Decode JPEG files with Pillow."""

from __future__ import annotations

import io
from typing import Literal

import numpy as np
import torch
from PIL import Image

from ophclip.errors import DataError

Fit = Literal["crop", "squash"]


def decode(jpeg: bytes, *, side: int, fit: Fit, where: str) -> torch.Tensor:
    """Decode one frame.

    Args:
        jpeg: a whole JPEG file.
        side: side of the returned square in pixels.
        fit: "crop" takes the middle square, "squash" resizes the whole frame to a square.
        where: names the frame in the error message.

    Returns:
        uint8 RGB [3, side, side].

    Raises:
        DataError: the bytes are not a whole JPEG file.
    """
    try:
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
            # Scaled decoding in steps of 2 (libjpeg), never below `side`: several times faster.
            image.draft("RGB", (side, side))
            box = _middle_square(image.size) if fit == "crop" else None
            resized = image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR, box=box)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as err:
        raise DataError(f"{where} is not a readable JPEG file: {err}; rebuild this shard") from err
    return torch.from_numpy(np.array(resized)).permute(2, 0, 1).contiguous()


def _middle_square(size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of the largest square in the middle, in pixels."""
    width, height = size
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side
