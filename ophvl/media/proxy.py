"""A small stand-in for a video: little pictures at a low, even rate, and its sound. Made by ffmpeg.

In: a video file. Out: an mp4 or m4a file that appears whole or not at all. Times are those of the video: a
picture stands at the tick of the stand-in that is nearest to where it began.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ophvl.atomic import replacing
from ophvl.errors import ItemError
from ophvl.media.audio import ffmpeg_binary
from ophvl.media.container import OPTIONS
from ophvl.ports import SAMPLE_RATE
from schemas.vocab import FailureKind

_KEYFRAME_S = 2.0
_SOUND = {"acodec": "aac", "audio_bitrate": "48k", "ac": 1, "ar": SAMPLE_RATE}
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
            ItemError: DISK_FULL, or DECODE_ERROR with ffmpeg's own last words.
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
