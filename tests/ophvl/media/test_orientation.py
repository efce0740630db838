"""Pictures stand upright, and are mirrored where the file says so."""

from __future__ import annotations

import io
import subprocess
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ophvl.media.audio import ffmpeg_binary
from ophvl.media.frames import AvFrameReader
from ophvl.media.probe import probe
from ophvl.ports import MediaFile
from tests.media_factory import make_video


def with_matrix(source: Path, to: Path, rotation: int, flips: tuple[str, ...]) -> Path:
    """Copy a video with another display matrix."""
    options = [f"-display_{flip}" for flip in flips]
    command = [ffmpeg_binary(), "-loglevel", "error", "-display_rotation", str(rotation), *options]
    subprocess.run([*command, "-i", source, "-c", "copy", to], check=True)
    return to


@pytest.mark.parametrize(
    ("rotation", "flips"),
    [*product((0, 90, 180, 270), ((), ("hflip",), ("vflip",), ("hflip", "vflip")))],
)
def test_pictures_are_turned_and_mirrored_as_ffmpeg_shows_them(
    tmp_path: Path, rotation: int, flips: tuple[str, ...]
) -> None:
    path = with_matrix(make_video(tmp_path / "a.mp4"), tmp_path / "v.mp4", rotation, flips)
    expected = tmp_path / "expected.png"
    command = [ffmpeg_binary(), "-loglevel", "error", "-i", path, "-frames:v", "1", expected]
    subprocess.run(command, check=True)
    (frame,) = AvFrameReader().read(MediaFile(path), [0.0])
    seen = probe(path)
    with Image.open(expected) as image, Image.open(io.BytesIO(frame.jpeg)) as picture:
        assert (
            picture.size == image.size == (frame.width, frame.height) == (seen.width, seen.height)
        )
        difference = np.asarray(picture, dtype=float) - np.asarray(image.convert("RGB"))
    assert np.abs(difference).mean() < 4
