"""Proxies: little files with the right pictures at the right times, and the sound; whole or not at all."""

from __future__ import annotations

import io
import os
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ophvl.errors import ItemError
from ophvl.media.audio import FfmpegAudioReader
from ophvl.media.frames import AvFrameReader
from ophvl.media.probe import probe
from ophvl.media.proxy import ProxyWriter
from ophvl.ports import MediaFile
from schemas.vocab import FailureKind
from tests.media_factory import grey, make_damaged, make_video, tone

WRITER = ProxyWriter(short_side=128, fps=4.0, crf=20, audio=FfmpegAudioReader())


def levels(path: Path, times_s: list[float]) -> list[float]:
    """The grey of the picture's middle at each time."""
    frames = AvFrameReader(short_side=96).read(MediaFile(path), times_s)
    pictures = [np.asarray(Image.open(io.BytesIO(frame.jpeg)).convert("L")) for frame in frames]
    return [float(p[p.shape[0] // 2, p.shape[1] // 2]) for p in pictures]


@pytest.mark.parametrize(
    "made", [{}, {"rotation": 90}, {"pixel_aspect": Fraction(2)}, {"audio_start_s": 0.0}]
)
def test_it_shows_the_same_at_the_same_times(tmp_path: Path, made: dict[str, object]) -> None:
    video = make_video(tmp_path / "v.mp4", seconds=6.0, fps=2, size=(320, 256), **made)  # type: ignore[arg-type]
    seen = probe(video)
    small = tmp_path / "v.proxy.mp4"
    WRITER.write(MediaFile(video), small, size=(seen.width, seen.height), has_audio=False)
    found = probe(small)
    assert min(found.width, found.height) == 128
    assert found.width / found.height == pytest.approx(seen.width / seen.height, rel=0.02)
    assert found.duration_s == pytest.approx(seen.duration_s, abs=0.26)
    times = [0.1, 0.6, 2.3, 4.4, 5.8]  # At no border of two pictures.
    assert levels(small, times) == pytest.approx([grey(int(2 * t)) for t in times], abs=6)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
@pytest.mark.parametrize("alone", [False, True])
def test_the_sound_stays_in_step(tmp_path: Path, suffix: str, alone: bool) -> None:
    sound = np.concatenate([np.zeros(32_000, np.float32), tone(1.0), np.zeros(16_000, np.float32)])
    video = make_video(tmp_path / f"v{suffix}", seconds=4.0, audio=sound)
    small = tmp_path / "small"
    if alone:
        WRITER.write_sound(MediaFile(video), small)
    else:
        WRITER.write(MediaFile(video), small, size=(160, 96), has_audio=True)
        assert (probe(small).width, probe(small).height) == (160, 96), "nothing is enlarged"
    heard = np.concatenate(list(FfmpegAudioReader().blocks(MediaFile(small))))
    loud = np.flatnonzero(np.abs(heard) > 0.2) / 16_000
    assert (loud[0], loud[-1]) == (pytest.approx(2.0, abs=0.1), pytest.approx(3.0, abs=0.1))


def test_what_cannot_be_decoded_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_bytes(b"no video at all")
    with pytest.raises(ItemError) as caught:
        WRITER.write(
            MediaFile(tmp_path / "v.mp4"), tmp_path / "p.mp4", size=(4, 4), has_audio=False
        )
    assert caught.value.kind is FailureKind.NOT_A_VIDEO
    assert os.listdir(tmp_path) == ["v.mp4"]


def test_a_picture_that_is_damaged_in_the_middle_is_not_made_shorter_in_silence(
    tmp_path: Path,
) -> None:
    video = make_damaged(tmp_path / "v.mp4", seconds=8.0)
    assert probe(video).duration_s == pytest.approx(8.0)
    with pytest.raises(ItemError, match=r"is damaged: of 8\.0 s of pictures \d\.\d s") as caught:
        WRITER.write(MediaFile(video), tmp_path / "p.mp4", size=(320, 240), has_audio=False)
    assert caught.value.kind is FailureKind.DECODE_ERROR
    assert os.listdir(tmp_path) == ["v.mp4"]


def test_of_a_file_that_breaks_off_all_that_is_there_is_kept(tmp_path: Path) -> None:
    muxer = {"movflags": "faststart"}
    video = make_video(tmp_path / "v.mp4", seconds=8.0, audio=tone(8.0), muxer=muxer)
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    seen = probe(video)
    WRITER.write(MediaFile(video), tmp_path / "p.mp4", size=(160, 96), has_audio=True)
    kept = probe(tmp_path / "p.mp4")
    assert seen.sound_s == pytest.approx(kept.sound_s, abs=0.2)
    assert seen.pictures_s == pytest.approx(kept.pictures_s, abs=0.3)
    assert 0 < seen.duration_s < 6.0


@pytest.mark.parametrize(("suffix", "seconds"), [(".mp4", 2.0), (".webm", 2.0), (".webm", 9.0)])
def test_picture_and_sound_need_not_be_of_one_length(
    tmp_path: Path, suffix: str, seconds: float
) -> None:
    video = make_video(tmp_path / f"v{suffix}", seconds=seconds, audio=tone(5.0))
    WRITER.write(MediaFile(video), tmp_path / "p.mp4", size=(160, 96), has_audio=True)
    WRITER.write_sound(MediaFile(video), tmp_path / "s.m4a")


def test_a_full_disk_is_told(small_disk: Path, tmp_path: Path) -> None:
    rough = np.random.default_rng(1).normal(0, 0.3, 16_000 * 200).astype(np.float32)
    video = make_video(tmp_path / "v.mp4", seconds=2.0, audio=rough)
    (small_disk / "ballast").write_bytes(b"x" * (7 * 2**20 + 2**19))
    started = time.monotonic()
    with pytest.raises(ItemError) as caught:
        WRITER.write_sound(MediaFile(video), small_disk / "p.m4a")
    assert caught.value.kind is FailureKind.DISK_FULL
    assert os.listdir(small_disk) == ["ballast"]
    assert time.monotonic() - started < 60
