"""A small stand-in for a video: little pictures at a low, even rate, and its sound. Made by ffmpeg.

In: a video file. Out: an mp4 or m4a file that appears whole or not at all. Times are those of the video: a
picture stands at the tick of the stand-in that is nearest to where it began.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ophvl.atomic_io import replacing
from ophvl.errors import ItemError
from ophvl.media.audio import ffmpeg_binary
from ophvl.media.container import OPTIONS, video_stream
from ophvl.ports import SAMPLE_RATE
from schemas.vocab import FailureKind

Kind = Literal["video", "audio"]
_KINDS: tuple[Kind, ...] = ("video", "audio")

_KEYFRAME_S = 2.0
_SOUND = {"acodec": "aac", "audio_bitrate": "48k", "ac": 1, "ar": SAMPLE_RATE}
_LOSS_S, _LOSS = 1.0, 0.02
"""How much shorter than the video a stand-in may be, in seconds or as a share, whichever is more."""

_NO_SPACE = "No space left on device"


@dataclass(frozen=True, kw_only=True)
class ProxyWriter:
    """Writes proxies whose short side has `short_side` pixels, `fps` pictures a second (x264, `crf`)."""

    short_side: int
    fps: float
    crf: int

    @property
    def revision(self) -> str:
        return "ffmpeg-1"

    def write(self, video: Path, to: Path, *, size: tuple[int, int], has_audio: bool) -> None:
        """Write the proxy of a video whose picture is displayed at `size` (width, height).

        Raises:
            ItemError: DISK_FULL, or DECODE_ERROR with ffmpeg's own last words, or where it leaves out much
                of the video in silence, as it does with what is damaged in the middle.
        """
        scale = min(1.0, self.short_side / min(size))
        width, height = (max(2, round(side * scale / 2) * 2) for side in size)
        source = _open(video)
        picture = source["V:0"]  # Covers left out.
        for name, arguments in (("scale", (width, height)), ("setsar", (1,)), ("fps", (self.fps,))):
            picture = picture.filter(name, *arguments)
        options: dict[str, Any] = {
            "vcodec": "libx264",
            "preset": "veryfast",
            "crf": self.crf,
            "g": max(1, round(self.fps * _KEYFRAME_S)),
            "pix_fmt": "yuv420p",
            "movflags": "+faststart",
        }
        if has_audio:
            _run(video, [picture, _sound(source)], to, format="mp4", **options, **_SOUND)
        else:
            _run(video, [picture], to, format="mp4", **options)

    def write_sound(self, video: Path, to: Path) -> None:
        """Write the sound of a video alone; raises as `write`."""
        _run(video, [_sound(_open(video))], to, format="ipod", **_SOUND)


def _open(video: Path) -> Any:
    import ffmpeg

    return ffmpeg.input(f"file:{video.absolute()}", threads=1, **OPTIONS)


def _sound(source: Any) -> Any:
    """The first sound stream, silence where it pauses or comes late."""
    return source.audio.filter("aresample", **{"async": 1, "first_pts": 0})


def _run(video: Path, streams: list[Any], to: Path, **options: Any) -> None:
    import ffmpeg

    with replacing(to) as temporary, tempfile.TemporaryFile() as complaints:
        made = ffmpeg.output(*streams, f"file:{temporary}", threads=1, **options)
        quiet = made.global_args("-nostdin", "-hide_banner", "-loglevel", "error", "-y")
        command: list[str] = quiet.compile(cmd=ffmpeg_binary())
        code = subprocess.run(
            command, stdin=subprocess.DEVNULL, stderr=complaints, check=False
        ).returncode
        complaints.seek(0)
        said = complaints.read().decode(errors="replace").strip()
        if code or not os.path.getsize(temporary):
            kind = FailureKind.DISK_FULL if _NO_SPACE in said else FailureKind.DECODE_ERROR
            last = said.splitlines()[-1] if said else "ffmpeg gave no reason"
            raise ItemError(kind, f"{video} cannot be made smaller: {last}")
        for stream in _KINDS:
            _refuse_shorter(video, temporary, stream)


def _refuse_shorter(video: Path, made: Path, kind: Kind) -> None:
    whole_s, left_s = _length_s(video, kind), _length_s(made, kind)
    if (
        left_s is not None
        and whole_s is not None
        and whole_s - left_s > max(_LOSS_S, _LOSS * whole_s)
    ):
        raise ItemError(
            FailureKind.DECODE_ERROR,
            f"{video} is damaged: of {whole_s:.1f} s of {kind} {left_s:.1f} s can be decoded; it stays as it "
            "is; fetch it again, or leave it (--keep-media all)",
        )


def _length_s(path: Path, kind: Kind) -> float | None:
    """How long the first stream of a kind is, if there is one: by its header, else by its packets."""
    import av

    with av.open(
        f"file:{path.absolute()}", options=OPTIONS, metadata_errors="replace"
    ) as container:
        if not getattr(container.streams, kind):
            return None
        stream = video_stream(container) if kind == "video" else container.streams.audio[0]
        length, start = stream.duration, stream.start_time or 0
        if length is None:
            length = 0
            with contextlib.suppress(
                av.error.FFmpegError
            ):  # What comes before the damage is counted.
                for packet in container.demux(stream):
                    length = max(length, (packet.pts or 0) + (packet.duration or 0) - start)
        return float(length * (stream.time_base or 0))
