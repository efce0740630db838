"""Words and pictures stay in step, whatever the time stamps of a file do."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from ophvl.errors import ItemError
from ophvl.media.audio import FfmpegAudioReader
from ophvl.media.frames import AvFrameReader
from ophvl.media.probe import probe
from ophvl.media.proxy import ProxyWriter
from ophvl.media.timeline import read_timeline
from ophvl.ports import SAMPLE_RATE, MediaFile
from schemas.vocab import FailureKind
from tests.media_factory import grey, make_video, tone

FPS = 25


def recording(path: Path, *, seconds: float, tone_at_s: float, offset_s: float = 0.0) -> Path:
    """Write a video with half a second of tone; its clock begins at `offset_s`."""
    sound = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
    start = round(tone_at_s * SAMPLE_RATE)
    sound[start : start + SAMPLE_RATE // 2] = tone(0.5)
    muxer = {"output_ts_offset": str(offset_s)} if offset_s else {}
    return make_video(path, seconds=seconds, fps=FPS, audio=sound, muxer=muxer)


def joined(to: Path, *parts: Path) -> Path:
    to.write_bytes(b"".join(part.read_bytes() for part in parts))
    return to


def with_stamps(source: Path, to: Path, stamp: Callable[[float], float]) -> Path:
    """Copy a file; the packets of each time get the time that `stamp` returns."""
    with av.open(str(source)) as read, av.open(str(to), "w") as written:
        streams = {s.index: written.add_stream_from_template(s) for s in read.streams}
        for packet in read.demux():
            if packet.dts is None:
                continue
            unit = packet.time_base
            packet.dts = round(stamp(float(packet.dts * unit)) / unit)
            packet.pts = round(stamp(float((packet.pts or 0) * unit)) / unit)
            packet.stream = streams[packet.stream_index]
            written.mux(packet)
    return to


def tones_s(path: Path, jumps: int) -> list[float]:
    """Return when each tone begins in the sound of a file."""
    blocks = FfmpegAudioReader().blocks(MediaFile(path, clock_jumps=jumps))
    loud = np.flatnonzero(np.abs(np.concatenate(list(blocks))) > 0.2) / SAMPLE_RATE
    return [float(loud[0]), *(float(b) for a, b in pairwise(loud) if b - a > 1)]


def level(path: Path, jumps: int, times_s: list[float]) -> list[int]:
    """Return the grey level of the picture at each time."""
    frames = AvFrameReader(short_side=96).read(MediaFile(path, clock_jumps=jumps), times_s)
    pictures = [Image.open(io.BytesIO(frame.jpeg)).convert("L") for frame in frames]
    return [int(p.getpixel((p.width // 2, p.height // 2))) for p in pictures]  # type: ignore[arg-type]


def middle_of(number: int) -> float:
    return (number + 0.5) / FPS


@pytest.mark.parametrize("suffix", [".ts", ".mpg"])
@pytest.mark.parametrize("offset_s", [0.0, 30.0, 1_000.0])
def test_recordings_that_are_joined_play_one_after_another(
    tmp_path: Path, suffix: str, offset_s: float
) -> None:
    first = recording(tmp_path / f"a{suffix}", seconds=5.0, tone_at_s=2.0)
    second = recording(tmp_path / f"b{suffix}", seconds=6.0, tone_at_s=3.0, offset_s=offset_s)
    seen = probe(path := joined(tmp_path / f"v{suffix}", first, second))
    assert (seen.clock_jumps, seen.missing_s) == (1, 0.0)
    assert seen.duration_s == pytest.approx(11.0, abs=0.15)
    assert tones_s(path, 1) == pytest.approx([2.0, 8.0], abs=0.2)
    begin_s = seen.pictures_s - 11.0  # The sound begins first.
    times = [middle_of(n) + begin_s for n in (10, 100, 200, 250)]
    shown = level(path, 1, times)
    for number, one in zip((10, 100, 75, 125), shown, strict=True):
        assert min(abs(one - grey(number + step)) for step in (-1, 0, 1)) < 12
    # Which picture a time gives depends on no other time.
    assert [level(path, 1, [t])[0] for t in times] == shown


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".flv"])
@pytest.mark.parametrize("gap_s", [20.0, 1_000.0])
def test_a_gap_in_which_nothing_plays_is_closed(tmp_path: Path, suffix: str, gap_s: float) -> None:
    whole = recording(tmp_path / "a.mkv", seconds=10.0, tone_at_s=8.0)
    path = with_stamps(whole, tmp_path / f"v{suffix}", lambda t: t if t < 4.99 else t + gap_s)
    seen = probe(path)
    assert (seen.clock_jumps, seen.missing_s) == (1, 0.0)
    assert seen.duration_s == pytest.approx(10.0, abs=0.15)
    assert tones_s(path, 1) == pytest.approx([8.0], abs=0.15)
    assert level(path, 1, [middle_of(210) + seen.pictures_s - 10.0]) == pytest.approx(
        [grey(210)], abs=12
    )


def test_three_recordings_drift_no_more_than_one(tmp_path: Path) -> None:
    part = recording(tmp_path / "a.ts", seconds=3.0, tone_at_s=1.0)
    path = joined(tmp_path / "v.ts", *[part] * 6)
    seen = probe(path)
    assert seen.clock_jumps == 5
    assert seen.duration_s == pytest.approx(18.0, abs=0.2)
    assert tones_s(path, 5) == pytest.approx([1.0, 4.0, 7.0, 10.0, 13.0, 16.0], abs=0.25)


def test_a_proxy_of_joined_recordings_has_one_clock(tmp_path: Path) -> None:
    part = recording(tmp_path / "a.ts", seconds=4.0, tone_at_s=2.0)
    path = joined(tmp_path / "v.ts", part, part)
    writer = ProxyWriter(short_side=96, fps=25.0, crf=20, audio=FfmpegAudioReader())
    writer.write(MediaFile(path, clock_jumps=1), tmp_path / "p.mp4", size=(160, 96), has_audio=True)
    seen = probe(tmp_path / "p.mp4")
    assert (seen.clock_jumps, seen.duration_s) == (0, pytest.approx(8.0, abs=0.2))
    assert tones_s(tmp_path / "p.mp4", 0) == pytest.approx([2.0, 6.0], abs=0.2)


def test_sound_that_pauses_alone_and_a_picture_that_stays_are_no_jumps(tmp_path: Path) -> None:
    sound = np.concatenate([tone(1.0), np.zeros(SAMPLE_RATE * 20, np.float32), tone(1.0)])
    talk = make_video(tmp_path / "talk.mkv", seconds=1.0, fps=10, audio=sound)
    assert read_timeline(talk).clock_jumps == 0
    silent = make_video(tmp_path / "silent.mkv", seconds=4.0, fps=10)
    slides = with_stamps(silent, tmp_path / "slides.mkv", lambda t: t * 300)
    assert read_timeline(slides).clock_jumps == 0


def test_pictures_that_go_on_alone_after_the_sound_may_stay_for_long(tmp_path: Path) -> None:
    talk = make_video(tmp_path / "talk.mkv", seconds=4.0, fps=10, audio=tone(1.0))
    path = with_stamps(talk, tmp_path / "v.mkv", lambda t: t if t < 1.2 else 1.2 + (t - 1.2) * 300)
    timeline = read_timeline(path)
    assert timeline.clock_jumps == 0
    assert timeline.pictures_s > 600


def test_a_file_whose_clock_is_whole_is_read_as_it_is(tmp_path: Path) -> None:
    path = recording(tmp_path / "v.mp4", seconds=3.0, tone_at_s=1.0)
    timeline = read_timeline(path)
    assert timeline.clock_jumps == 0
    assert timeline.pictures_s == pytest.approx(3.0, abs=0.1)
    assert timeline.sound_s == (pytest.approx(3.0, abs=0.15),)


def test_a_silent_file_has_no_sound_and_a_stream_that_goes_on_is_measured(tmp_path: Path) -> None:
    assert read_timeline(make_video(tmp_path / "s.mp4")).sound_s == ()
    longer = make_video(tmp_path / "l.mp4", seconds=2.0, audio=tone(6.0))
    timeline = read_timeline(longer)
    assert timeline.pictures_s == pytest.approx(2.0, abs=0.1)
    assert timeline.sound_s == (pytest.approx(6.0, abs=0.15),)


def test_a_copy_that_cannot_be_made_is_a_failure_of_its_video(
    tmp_path: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = recording(tmp_path / "a.ts", seconds=3.0, tone_at_s=1.0)
    path = joined(tmp_path / "v.ts", part, part)
    (small_disk / "ballast").write_bytes(b"x" * (8 * 2**20 - 2**14))
    monkeypatch.setattr("tempfile.tempdir", str(small_disk))
    with pytest.raises(ItemError, match="name another folder in TMPDIR") as caught:
        list(AvFrameReader().read(MediaFile(path, clock_jumps=1), [1.0]))
    assert caught.value.kind is FailureKind.DISK_FULL
    assert [one.name for one in small_disk.iterdir()] == ["ballast"]
