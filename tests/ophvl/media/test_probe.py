"""The probe reads what a file is, and tells each kind of bad file apart."""

from __future__ import annotations

import hashlib
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from ophvl.errors import ItemError
from ophvl.media.audio import ffmpeg_binary
from ophvl.media.probe import probe
from schemas.vocab import FailureKind
from tests.media_factory import AUDIO_RATE, make_video, tone


def kind_of(path: Path) -> FailureKind:
    with pytest.raises(ItemError) as caught:
        probe(path)
    assert str(path) in str(caught.value)
    return caught.value.kind


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".ts", ".avi"])
def test_probe_reads_what_the_file_is(tmp_path: Path, suffix: str) -> None:
    path = make_video(tmp_path / f"a{suffix}", seconds=2.0, fps=10, audio=tone(2.0))
    seen = probe(path)
    assert (seen.width, seen.height, seen.has_audio) == (160, 96, True)
    assert seen.duration_s == pytest.approx(2.0, abs=0.11)
    assert seen.fps == pytest.approx(10.0)
    assert seen.video_codec == {".webm": "vp9", ".avi": "mpeg4"}.get(suffix, "h264")
    assert seen.bytes == path.stat().st_size
    assert seen.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_silent_video_has_no_audio(tmp_path: Path) -> None:
    assert not probe(make_video(tmp_path / "a.mp4")).has_audio


def test_size_is_that_of_the_picture_as_displayed(tmp_path: Path) -> None:
    turned = make_video(tmp_path / "turned.mp4", size=(160, 96), rotation=90)
    assert (probe(turned).width, probe(turned).height) == (96, 160)
    wide = make_video(tmp_path / "wide.mp4", size=(160, 96), pixel_aspect=Fraction(16, 15))
    assert (probe(wide).width, probe(wide).height) == (171, 96)


def test_duration_is_counted_where_no_header_gives_it(tmp_path: Path) -> None:
    path = make_video(tmp_path / "live.webm", seconds=3.0, muxer={"live": "1"})
    with av.open(str(path)) as container:
        assert container.duration is None
    assert probe(path).duration_s == pytest.approx(3.0, abs=0.11)


def test_names_with_odd_signs(tmp_path: Path) -> None:
    path = make_video(tmp_path / "-i %d œil d'été ?.mp4")
    assert probe(path).width == 160


def test_missing_empty_and_unreadable_files(tmp_path: Path) -> None:
    assert kind_of(tmp_path / "none.mp4") is FailureKind.NOT_FOUND
    (tmp_path / "empty.mp4").touch()
    assert kind_of(tmp_path / "empty.mp4") is FailureKind.EMPTY
    (tmp_path / "folder.mp4").mkdir()
    assert kind_of(tmp_path / "folder.mp4") is FailureKind.UNREADABLE


@pytest.mark.parametrize(
    "content",
    [
        b"this is a letter, not a video\n" * 50,
        b"<!doctype html><title>404</title>" + b" " * 2000,
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n/etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
    ],
)
def test_other_files_named_mp4_are_not_videos(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    assert kind_of(path) is FailureKind.NOT_A_VIDEO


def test_sound_alone_is_not_a_video(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=AUDIO_RATE, layout="mono")
        block = np.zeros((1, 1024), dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
        frame.sample_rate = AUDIO_RATE
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    assert kind_of(path) is FailureKind.NOT_A_VIDEO


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_cut_mp4_without_its_index_is_truncated(tmp_path: Path, share: float) -> None:
    whole = make_video(tmp_path / "whole.mp4", audio=tone(2.0)).read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: int(len(whole) * share)])
    assert kind_of(path) is FailureKind.TRUNCATED


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".flv", ".avi"])
def test_a_file_cut_short_is_as_long_as_what_is_there(tmp_path: Path, suffix: str) -> None:
    muxer = {"movflags": "faststart"} if suffix == ".mp4" else {}
    whole = make_video(tmp_path / f"whole{suffix}", seconds=20.0, audio=tone(20.0), muxer=muxer)
    seen = probe(whole)
    assert (seen.missing_s, seen.duration_s) == (0.0, pytest.approx(20.0, abs=0.3))
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    cut = probe(path)
    with av.open(str(path)) as container:
        pictures = sum(bool(packet.size) for packet in container.demux(video=0))
    assert 8.0 < cut.duration_s < 14.0
    assert cut.pictures_s == pytest.approx(pictures / 10, abs=0.4)
    assert cut.missing_s == pytest.approx(20.0 - cut.duration_s, abs=1.0)


def test_a_cut_transport_stream_is_as_long_as_what_is_there(tmp_path: Path) -> None:
    whole = make_video(tmp_path / "whole.ts", seconds=20.0, audio=tone(20.0))
    path = tmp_path / "cut.ts"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    assert 9.0 < probe(path).duration_s < 15.0


def test_subtitles_that_outlast_the_pictures_make_no_file_cut(tmp_path: Path) -> None:
    (tmp_path / "s.srt").write_text("1\n00:00:01,000 --> 00:01:30,000\nhello\n")
    path = tmp_path / "v.mkv"
    sources = ["-i", make_video(tmp_path / "v.mp4", audio=tone(2.0)), "-i", tmp_path / "s.srt"]
    command = [ffmpeg_binary(), "-loglevel", "error", *sources, "-c:v", "copy", "-c:a", "copy"]
    subprocess.run([*command, "-c:s", "srt", path], check=True)
    seen = probe(path)
    assert (seen.missing_s, seen.duration_s) == (0.0, pytest.approx(2.0, abs=0.2))


def test_a_file_lasts_as_long_as_its_sound_where_that_goes_on(tmp_path: Path) -> None:
    seen = probe(make_video(tmp_path / "slides.mp4", seconds=3.0, audio=tone(8.0)))
    assert (seen.duration_s, seen.pictures_s) == (
        pytest.approx(8.0, abs=0.15),
        pytest.approx(3.0, abs=0.15),
    )
    short = probe(make_video(tmp_path / "short.mp4", seconds=8.0, audio=tone(3.0)))
    assert short.duration_s == pytest.approx(8.0, abs=0.05)


def test_the_streams_that_are_marked_as_default_are_named(tmp_path: Path) -> None:
    assert probe(make_video(tmp_path / "a.mp4", audio=tone(2.0))).default_audio == (0,)
    assert probe(make_video(tmp_path / "a.ts", audio=tone(2.0))).default_audio == ()


def test_a_damaged_header_is_unreadable(tmp_path: Path) -> None:
    content = bytearray(make_video(tmp_path / "a.mp4").read_bytes())
    at = content.index(b"moov")
    content[at : at + 4] = b"junk"
    path = tmp_path / "damaged.mp4"
    path.write_bytes(content)
    assert kind_of(path) is FailureKind.UNREADABLE


def test_pictures_that_do_not_decode(tmp_path: Path) -> None:
    content = bytearray(make_video(tmp_path / "a.mp4").read_bytes())
    start, end = content.index(b"mdat") + 4, content.index(b"moov") - 4
    content[start:end] = b"\xff" * (end - start)
    path = tmp_path / "noise.mp4"
    path.write_bytes(content)
    assert kind_of(path) is FailureKind.DECODE_ERROR


def test_stray_bytes_after_a_whole_file_do_no_harm(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes() + b"\0\0\0")
    seen = probe(path)
    assert (seen.width, seen.missing_s) == (160, 0.0)
