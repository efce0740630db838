"""The frame reader gives the picture that is shown at a time, whatever format and seek do."""

from __future__ import annotations

import io
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from ophvl.media.audio import ffmpeg_binary
from ophvl.media.frames import AvFrameReader
from ophvl.ports import Frame, MediaFile
from tests.media_factory import grey, make_video, tone


def picture(frame: Frame) -> Image.Image:
    return Image.open(io.BytesIO(frame.jpeg))


def level(frame: Frame) -> float:
    pixels = np.asarray(picture(frame).convert("L"), dtype=float)
    return float(pixels[pixels.shape[0] // 2 :].mean())


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".ts", ".avi"])
@pytest.mark.parametrize("gop", [5, 100])
def test_each_time_gives_the_picture_shown_then(tmp_path: Path, suffix: str, gop: int) -> None:
    path = make_video(tmp_path / f"a{suffix}", seconds=30.0, fps=5, gop=gop)
    times = [29.85, 0.0, 0.19, 0.2, 1.0, 1.1, 7.25, 7.3, 7.5, 21.05]
    frames = list(AvFrameReader().read(MediaFile(path), times))
    assert [frame.time_s for frame in frames] == sorted(times)
    for frame in frames:
        assert level(frame) == pytest.approx(grey(int(frame.time_s * 5 + 1e-6)), abs=6), (
            frame.time_s
        )


def test_sound_that_starts_before_the_pictures_keeps_times(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mkv", audio=tone(2.0), audio_start_s=1.0)
    (frame,) = AvFrameReader().read(MediaFile(path), [0.5])
    assert level(frame) == pytest.approx(grey(5), abs=6)


def test_times_outside_give_the_first_and_the_last_picture(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=3.0, fps=10)
    first, last, beyond = AvFrameReader().read(MediaFile(path), [-1.0, 2.99, 500.0])
    assert level(first) == pytest.approx(grey(0), abs=6)
    assert level(last) == level(beyond) == pytest.approx(grey(29), abs=6)


def test_a_time_asked_for_twice_comes_once(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4")
    assert [f.time_s for f in AvFrameReader().read(MediaFile(path), [1.0, 0.5, 1.0])] == [0.5, 1.0]
    assert list(AvFrameReader().read(MediaFile(path), [])) == []


@pytest.mark.parametrize(
    ("size", "expected"),
    [((640, 480), (341, 256)), ((480, 640), (256, 341)), ((160, 96), (160, 96))],
)
def test_the_short_side_is_set_and_never_enlarged(
    tmp_path: Path, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=0.5, size=size)
    (frame,) = AvFrameReader().read(MediaFile(path), [0.0])
    assert picture(frame).size == (frame.width, frame.height) == expected
    assert picture(frame).format == "JPEG"


def test_pixels_that_are_not_square_are_made_square(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", size=(160, 96), pixel_aspect=Fraction(16, 15))
    (frame,) = AvFrameReader().read(MediaFile(path), [0.0])
    assert (frame.width, frame.height) == picture(frame).size == (171, 96)


@pytest.mark.parametrize("rotation", [0, 90, -90, 180])
def test_pictures_are_turned_as_ffmpeg_turns_them(tmp_path: Path, rotation: int) -> None:
    path = make_video(tmp_path / "a.mp4", rotation=rotation)
    (frame,) = AvFrameReader().read(MediaFile(path), [0.0])
    expected = tmp_path / "expected.png"
    command = [ffmpeg_binary(), "-loglevel", "error", "-i", path, "-frames:v", "1", expected]
    subprocess.run(command, check=True)
    with Image.open(expected) as image:
        assert picture(frame).size == image.size == (frame.width, frame.height)
        difference = np.asarray(picture(frame), dtype=float) - np.asarray(image.convert("RGB"))
    assert np.abs(difference).mean() < 4


def test_damage_costs_the_pictures_that_it_hits(tmp_path: Path) -> None:
    content = bytearray(make_video(tmp_path / "a.mp4", seconds=20.0).read_bytes())
    start, end = content.index(b"mdat") + 4, content.index(b"moov") - 4
    content[(start + end) // 2 : end] = b"\xff" * (end - (start + end) // 2)
    path = tmp_path / "damaged.mp4"
    path.write_bytes(content)
    before, last = AvFrameReader().read(MediaFile(path), [1.0, 15.0])
    assert (before.damaged, last.time_s) == (0, 15.0)
    assert last.damaged > 10


@pytest.mark.parametrize("kind", ["a picture between", "a keyframe"])
def test_one_damaged_packet_costs_its_frame(tmp_path: Path, kind: str) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=6.0, fps=10, gop=10)
    with av.open(str(path)) as container:
        packets = [(p.pos, p.size, p.is_keyframe) for p in container.demux(video=0) if p.size]
    wanted = kind == "a keyframe"
    number = next(n for n, p in enumerate(packets) if n > 25 and p[2] is wanted)
    content = bytearray(path.read_bytes())
    position, size, _ = packets[number]
    content[position : position + size] = bytes(size)
    path.write_bytes(content)
    times = [n / 10 + 0.05 for n in range(60)]
    frames = list(AvFrameReader(short_side=96).read(MediaFile(path), times))
    assert len(frames) == 60
    assert 1 <= sum(frame.damaged for frame in frames) <= 10
    after = 10 * (number // 10 + 2)  # The keyframe after the damage and the ones beyond are whole.
    for n in (*range(20), *range(after, 60)):
        assert level(frames[n]) == pytest.approx(grey(n), abs=12)
