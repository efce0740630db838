"""Sound comes as blocks of 16 kHz mono, in time with the pictures, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import av
import numpy as np
import pytest

from ophvl.errors import ItemError
from ophvl.media.audio import FfmpegAudioReader, ffmpeg_binary
from ophvl.ports import SAMPLE_RATE, MediaFile
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
    blocks = list(FfmpegAudioReader(block_s=2.0).blocks(MediaFile(path)))
    assert [len(block) for block in blocks[:2]] == [2 * SAMPLE_RATE] * 2
    samples = np.concatenate(blocks)
    assert samples.dtype == np.float32
    assert len(samples) / SAMPLE_RATE == pytest.approx(5.0, abs=0.1)
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


def test_late_sound_is_in_time_with_the_pictures(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mkv", seconds=4.0, audio=tone(2.0), audio_start_s=1.5)
    samples = np.concatenate(list(FfmpegAudioReader().blocks(MediaFile(path))))
    loud = np.flatnonzero(np.abs(samples) > 0.2)
    assert loud[0] / SAMPLE_RATE == pytest.approx(1.5, abs=0.05)


def test_stopping_early_ends_ffmpeg(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=30.0, fps=2, audio=tone(30.0))
    sound = FfmpegAudioReader(block_s=0.5).blocks(MediaFile(path))
    blocks = cast("Generator[Samples, None, None]", iter(sound))
    next(blocks)
    blocks.close()
    assert not children()


def test_a_file_that_ffmpeg_refuses(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"no video at all" * 100)
    with pytest.raises(ItemError, match=r"a\.mp4 cannot be decoded: .*Invalid data") as caught:
        list(FfmpegAudioReader().blocks(MediaFile(path)))
    assert caught.value.kind is FailureKind.DECODE_ERROR


def test_a_list_in_disguise_opens_no_other_file(tmp_path: Path) -> None:
    secret = make_video(tmp_path / "secret.mp4", audio=tone(2.0))
    path = tmp_path / "list.mp4"
    path.write_text(f"ffconcat version 1.0\nfile '{secret}'\n")
    with pytest.raises(ItemError, match="cannot be decoded"):
        list(FfmpegAudioReader().blocks(MediaFile(path)))


def test_names_with_odd_signs(tmp_path: Path) -> None:
    path = make_video(tmp_path / "-y;echo $HOME %d.mp4", audio=tone(1.0), seconds=1.0)
    assert list(FfmpegAudioReader().blocks(MediaFile(path)))


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


def write_streams(path: Path, *sounds: Samples) -> Path:
    """Write a video with an audio stream for each sound, of shape (channels, samples)."""
    silent = make_video(path.with_name(f"silent{path.suffix}"), seconds=sounds[0].shape[1] / 16_000)
    command: list[object] = [ffmpeg_binary(), "-loglevel", "error", "-i", silent]
    for number, sound in enumerate(sounds):
        raw = path.with_name(f"{number}.f32")
        raw.write_bytes(np.ascontiguousarray(sound.T, dtype="<f4").tobytes())
        command += ["-f", "f32le", "-ar", "16000", "-ac", str(len(sound)), "-i", raw]
    maps = [word for n in range(len(sounds) + 1) for word in ("-map", str(n))]
    subprocess.run([*command, *maps, "-c:v", "copy", "-c:a", "aac", path], check=True)
    return path


def loudness(file: MediaFile) -> float:
    samples = np.concatenate(list(FfmpegAudioReader().blocks(file)))
    return float(np.sqrt(np.mean(samples**2)))


def test_channels_that_cancel_each_other_are_heard(tmp_path: Path) -> None:
    sound = tone(3.0)
    cancelling = write_streams(tmp_path / "a.mp4", np.stack([sound, -sound]))
    assert loudness(MediaFile(cancelling)) == pytest.approx(0.35, abs=0.05)


@pytest.mark.parametrize("channel", [0, 1])
def test_a_channel_that_is_empty_takes_nothing_from_the_other(tmp_path: Path, channel: int) -> None:
    both = np.stack([tone(3.0), tone(3.0)])
    both[channel] = 0
    one = write_streams(tmp_path / "a.mp4", both)
    assert loudness(MediaFile(one)) == pytest.approx(0.25, abs=0.03)


def test_the_stream_that_is_named_is_heard(tmp_path: Path) -> None:
    quiet, loud = np.zeros((1, 32_000), np.float32), tone(2.0)[None]
    path = write_streams(tmp_path / "a.mkv", quiet, loud)
    assert loudness(MediaFile(path)) < 0.01
    assert loudness(MediaFile(path, audio_stream=1)) == pytest.approx(0.35, abs=0.03)


def test_damaged_packets_of_sound_are_counted_and_the_rest_is_heard(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=4.0, audio=tone(4.0))
    with av.open(str(path)) as container:
        packets = [(p.pos, p.size) for p in container.demux(audio=0) if p.size]
    content = bytearray(path.read_bytes())
    for position, size in packets[20:25]:
        content[position : position + size] = b"\xff" * size
    path.write_bytes(content)
    sound = FfmpegAudioReader().blocks(MediaFile(path))
    samples = np.concatenate(list(sound))
    assert 1 <= sound.damaged_packets <= 6
    assert len(samples) / SAMPLE_RATE == pytest.approx(4.0, abs=0.2)
    assert np.abs(samples[-16_000:]).max() > 0.3


def test_a_decoder_that_stalls_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stalled = tmp_path / "ffmpeg"
    stalled.write_text("#!/bin/sh\nexec sleep 60\n")
    stalled.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    ffmpeg_binary.cache_clear()
    path = tmp_path / "a.mp4"
    path.touch()
    with pytest.raises(ItemError, match=r"gave no sound of .*a\.mp4 for 0\.3 s") as caught:
        list(FfmpegAudioReader(stall_s=0.3).blocks(MediaFile(path)))
    assert caught.value.kind is FailureKind.TIMEOUT
    ffmpeg_binary.cache_clear()
