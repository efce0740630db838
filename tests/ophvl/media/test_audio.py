"""Sound comes as blocks of 16 kHz mono, in time with the pictures, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

from ophvl.errors import ItemError
from ophvl.media.audio import FfmpegAudioReader, ffmpeg_binary
from ophvl.ports import SAMPLE_RATE
from schemas.vocab import FailureKind
from tests.media_factory import make_video, tone

if TYPE_CHECKING:
    from ophvl.ports import Samples


def children() -> set[str]:
    listed = subprocess.run(
        ["ps", "--no-headers", "-o", "args", "--ppid", str(os.getpid())],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return {line for line in listed.splitlines() if "ffmpeg" in line}


def test_blocks_have_equal_length_but_the_last(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=5.0, audio=tone(5.0))
    blocks = list(FfmpegAudioReader(block_s=2.0).blocks(path))
    assert [len(block) for block in blocks[:2]] == [2 * SAMPLE_RATE] * 2
    samples = np.concatenate(blocks)
    assert samples.dtype == np.float32
    assert len(samples) / SAMPLE_RATE == pytest.approx(5.0, abs=0.1)
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


def test_late_sound_is_in_time_with_the_pictures(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mkv", seconds=4.0, audio=tone(2.0), audio_start_s=1.5)
    samples = np.concatenate(list(FfmpegAudioReader().blocks(path)))
    loud = np.flatnonzero(np.abs(samples) > 0.2)
    assert loud[0] / SAMPLE_RATE == pytest.approx(1.5, abs=0.05)


def test_stopping_early_ends_ffmpeg(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=30.0, fps=2, audio=tone(30.0))
    blocks = cast("Generator[Samples, None, None]", FfmpegAudioReader(block_s=0.5).blocks(path))
    next(blocks)
    blocks.close()
    assert not children()


def test_a_file_that_ffmpeg_refuses(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"no video at all" * 100)
    with pytest.raises(ItemError, match=r"a\.mp4 cannot be decoded: .*Invalid data") as caught:
        list(FfmpegAudioReader().blocks(path))
    assert caught.value.kind is FailureKind.DECODE_ERROR


def test_a_list_in_disguise_opens_no_other_file(tmp_path: Path) -> None:
    secret = make_video(tmp_path / "secret.mp4", audio=tone(2.0))
    path = tmp_path / "list.mp4"
    path.write_text(f"ffconcat version 1.0\nfile '{secret}'\n")
    with pytest.raises(ItemError, match="cannot be decoded"):
        list(FfmpegAudioReader().blocks(path))


def test_names_with_odd_signs(tmp_path: Path) -> None:
    path = make_video(tmp_path / "-y;echo $HOME %d.mp4", audio=tone(1.0), seconds=1.0)
    assert list(FfmpegAudioReader().blocks(path))


def test_the_packaged_binary_is_found_without_one_on_the_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    ffmpeg_binary.cache_clear()
    assert Path(ffmpeg_binary()).is_file()
    own = tmp_path / "ffmpeg"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    ffmpeg_binary.cache_clear()
    assert ffmpeg_binary() == str(own)
    ffmpeg_binary.cache_clear()
