"""Write proxies with ffmpeg: small pictures at a low, constant rate, and the sound of a video.

In: a video file. Out: an mp4 or m4a file that appears complete or not at all. Times are those of the video:
each picture is at the proxy's tick nearest to its start.
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

StreamKind = Literal["video", "audio"]
_STREAM_KINDS: tuple[StreamKind, ...] = ("video", "audio")

_KEYFRAME_S = 2.0
_SOUND = {"acodec": "aac", "audio_bitrate": "48k", "ac": 1, "ar": SAMPLE_RATE}
_MAX_LOSS_S, _MAX_LOSS = 1.0, 0.02
"""How much shorter than the video a proxy may be, in seconds or as a share, whichever is more."""

_NO_SPACE = "No space left on device"


@dataclass(frozen=True, kw_only=True)
class ProxyWriter:
    """Writes proxies whose short side has `short_side` pixels, `fps` pictures a second (x264, `crf`)."""

    short_side: int
    fps: float
    crf: int

    @property
    def revision(self) -> str:
        """Changes when the same video would give another proxy."""
        return "ffmpeg-1"

    def write(self, video: Path, to: Path, *, size: tuple[int, int], has_audio: bool) -> None:
        """Write the proxy of a video whose picture is displayed at `size` (width, height).

        Raises:
            ItemError: DISK_FULL, or DECODE_ERROR with the last line of ffmpeg's output, or if ffmpeg silently
                left out much of the video, as it does with damage in the middle.
        """
        scale = min(1.0, self.short_side / min(size))
        width, height = (max(2, round(side * scale / 2) * 2) for side in size)
        source = _open(video)
        picture = source["V:0"]  # Without cover pictures.
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
    """Return the first audio stream, padded with silence where it pauses or starts late."""
    return source.audio.filter("aresample", **{"async": 1, "first_pts": 0})


def _run(video: Path, streams: list[Any], to: Path, **options: Any) -> None:
    import ffmpeg

    with replacing(to) as temporary, tempfile.TemporaryFile() as stderr:
        output = ffmpeg.output(*streams, f"file:{temporary}", threads=1, **options)
        quiet = output.global_args("-nostdin", "-hide_banner", "-loglevel", "error", "-y")
        command: list[str] = quiet.compile(cmd=ffmpeg_binary())
        code = subprocess.run(
            command, stdin=subprocess.DEVNULL, stderr=stderr, check=False
        ).returncode
        stderr.seek(0)
        messages = stderr.read().decode(errors="replace").strip()
        if code or not os.path.getsize(temporary):
            kind = FailureKind.DISK_FULL if _NO_SPACE in messages else FailureKind.DECODE_ERROR
            last = messages.splitlines()[-1] if messages else "ffmpeg gave no reason"
            raise ItemError(kind, f"{video} cannot be made smaller: {last}")
        for stream in _STREAM_KINDS:
            _refuse_shorter(video, temporary, stream)


def _refuse_shorter(video: Path, proxy: Path, kind: StreamKind) -> None:
    original_s, proxy_s = _length_s(video, kind), _length_s(proxy, kind)
    if (
        proxy_s is not None
        and original_s is not None
        and original_s - proxy_s > max(_MAX_LOSS_S, _MAX_LOSS * original_s)
    ):
        raise ItemError(
            FailureKind.DECODE_ERROR,
            f"{video} is damaged: of {original_s:.1f} s of {kind} {proxy_s:.1f} s can be decoded; it stays "
            "as it is; fetch it again, or leave it (--keep-media all)",
        )


def _length_s(path: Path, kind: StreamKind) -> float | None:
    """Return the length of the first stream of a kind, if any: from its header, else its packets."""
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
            with contextlib.suppress(av.error.FFmpegError):  # Count what precedes the damage.
                for packet in container.demux(stream):
                    length = max(length, (packet.pts or 0) + (packet.duration or 0) - start)
        return float(length * (stream.time_base or 0))
