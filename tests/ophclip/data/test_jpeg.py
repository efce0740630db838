"""Decoding of frames: which part of them, which colours, and what is refused."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from ophclip.data.jpeg import decode
from ophclip.errors import DataError


def picture(pixels: np.ndarray, kind: str = "JPEG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **({"quality": 95} if kind == "JPEG" else {}))
    return file.getvalue()


def striped(*, upright: bool) -> np.ndarray:
    """Black, then white in the middle half, then black: 128 long and 64 across."""
    pixels = np.zeros((128, 64, 3), dtype=np.uint8)
    pixels[32:96] = 255
    return pixels if upright else pixels.transpose(1, 0, 2)


@pytest.mark.parametrize("upright", [True, False])
def test_a_crop_is_the_square_in_the_middle_and_a_squash_is_everything(upright: bool) -> None:
    file = picture(striped(upright=upright))
    cropped = decode(file, side=32, fit="crop", where="here").float() / 255
    assert cropped.min() > 0.8
    squashed = decode(file, side=32, fit="squash", where="here").float() / 255
    along = squashed.mean(dim=(0, 2) if upright else (0, 1))
    assert along[:7].max() < 0.1
    assert along[9:23].min() > 0.9
    assert along[25:].max() < 0.1


def test_colours_come_as_red_green_and_blue_before_rows_and_columns() -> None:
    pixels = np.full((40, 60, 3), (200, 100, 20), dtype=np.uint8)
    made = decode(picture(pixels), side=16, fit="squash", where="here")
    assert made.shape == (3, 16, 16)
    assert made.is_contiguous()
    assert made.float().mean(dim=(1, 2)).tolist() == pytest.approx([200, 100, 20], abs=4)


def test_grey_files_become_three_equal_channels() -> None:
    made = decode(picture(np.full((16, 16), 90, dtype=np.uint8)), side=8, fit="crop", where="x")
    assert made.shape == (3, 8, 8)
    assert made.float().mean(dim=(1, 2)).tolist() == pytest.approx([90] * 3, abs=2)


def test_a_picture_of_another_format_is_refused() -> None:
    png = picture(np.zeros((8, 8, 3), dtype=np.uint8), "PNG")
    with pytest.raises(DataError, match="frame 3 is not a readable JPEG file"):
        decode(png, side=8, fit="crop", where="frame 3")
