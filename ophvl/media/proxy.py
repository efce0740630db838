"""Write proxies with ffmpeg: small pictures at a low, constant rate, and the sound of a video.

In: a video file. Out: an mp4 or m4a file that appears complete or not at all. Times are those of the video:
each picture is at the proxy's tick nearest to its start. The sound is the one that the recogniser gets.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ophvl.atomic_io import replacing
from ophvl.errors import ItemError
from ophvl.media.audio import ffmpeg_binary
from ophvl.media.container import OPTIONS
from ophvl.media.timeline import on_one_clock, read_timeline
from ophvl.ports import SAMPLE_RATE, AudioReader, MediaFile
from schemas.vocab import FailureKind

_KEYFRAME_S = 2.0
_SOUND = {"acodec": "aac", "audio_bitrate": "48k", "ac": 1, "ar": SAMPLE_RATE}
_MAX_LOSS_S, _MAX_LOSS = 1.0, 0.02
"""How much shorter than the video a proxy may be, in seconds or as a share, whichever is more."""

_LEAST_LIMIT_S, _SLOWEST = 600.0, 20.0
"""How long ffmpeg may take: seconds, and so many more for each second of the video."""

_NO_SPACE = "No space left on device"


@dataclass(frozen=True, kw_only=True)
class ProxyWriter:
    """Writes proxies whose short side has `short_side` pixels, `fps` pictures a second (x264, `crf`)."""

    short_side: int
    fps: float
    crf: int
    audio: AudioReader

    @property
    def revision(self) -> str:
        """Changes when the same video would give another proxy."""
        return "ffmpeg-1"

    def write(self, video: MediaFile, to: Path, *, size: tuple[int, int], has_audio: bool) -> None:
        """Write the proxy of a video whose picture is displayed at `size` (width, height).

        Raises:
            ItemError: DISK_FULL, or DECODE_ERROR with the last line of ffmpeg's output, or if ffmpeg silently
                left out much of the video, as it does with damage in the middle.
        """
        scale = min(1.0, self.short_side / min(size))
        width, height = (max(2, round(side * scale / 2) * 2) for side in size)
        options: dict[str, Any] = {
            "vcodec": "libx264",
            "preset": "veryfast",
            "crf": self.crf,
            "g": max(1, round(self.fps * _KEYFRAME_S)),
            "pix_fmt": "yuv420p",
            "movflags": "+faststart",
        }
        with on_one_clock(video) as file:
            picture = _open(file.path)["V:0"]  # Without cover pictures.
            filters = (("scale", (width, height)), ("setsar", (1,)), ("fps", (self.fps,)))
            for name, arguments in filters:
                picture = picture.filter(name, *arguments)
            self._run(file, to, picture, has_audio=has_audio, format="mp4", **options)

    def write_sound(self, video: MediaFile, to: Path) -> None:
        """Write the sound of a video alone; raises as `write`."""
        with on_one_clock(video) as file:
            self._run(file, to, None, has_audio=True, format="ipod")

    def _run(
        self, file: MediaFile, to: Path, picture: Any, *, has_audio: bool, **options: Any
    ) -> None:
        """Run ffmpeg on the pictures, if any, and on the sound, if there is any."""
        import ffmpeg

        streams = [picture] if picture is not None else []
        if has_audio:
            # ffmpeg reads the samples from its standard input.
            streams.append(ffmpeg.input("pipe:", format="f32le", ar=SAMPLE_RATE, ac=1).audio)
            options |= _SOUND
        original = read_timeline(file.path)
        limit_s = _LEAST_LIMIT_S + _SLOWEST * max(original.pictures_s, *original.sound_s, 0.0)
        with replacing(to) as temporary, tempfile.TemporaryFile() as stderr:
            output = ffmpeg.output(*streams, f"file:{temporary}", threads=1, **options)
            quiet = output.global_args("-hide_banner", "-loglevel", "error", "-y")
            command: list[str] = quiet.compile(cmd=ffmpeg_binary())
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=stderr)
            assert process.stdin is not None
            samples = 0
            limit = threading.Timer(limit_s, process.kill)
            limit.daemon = True
            limit.start()
            try:
                # ffmpeg ends early when it fails, and tells why in its messages.
                with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
                    for block in self.audio.blocks(file) if has_audio else ():
                        pipe.write(block.tobytes())
                        samples += len(block)
                code = process.wait()
                if code and not limit.is_alive():
                    message = (
                        f"{file.path} cannot be made smaller in {limit_s:.0f} s; it stays as it is"
                    )
                    raise ItemError(FailureKind.TIMEOUT, message)
            finally:
                limit.cancel()
                process.kill()
                process.wait()
            stderr.seek(0)
            messages = stderr.read().decode(errors="replace").strip()
            if code or not os.path.getsize(temporary):
                kind = FailureKind.DISK_FULL if _NO_SPACE in messages else FailureKind.DECODE_ERROR
                last = messages.splitlines()[-1] if messages else "ffmpeg gave no reason"
                raise ItemError(kind, f"{file.path} cannot be made smaller: {last}")
            if has_audio:
                sound_s = original.sound_s[file.audio_stream]
                _refuse_shorter(file, "sound", sound_s, samples / SAMPLE_RATE)
            if picture is not None:
                pictures_s = read_timeline(temporary).pictures_s
                _refuse_shorter(file, "pictures", original.pictures_s, pictures_s)


def _open(video: Path) -> Any:
    import ffmpeg

    return ffmpeg.input(f"file:{video.absolute()}", threads=1, **OPTIONS)


def _refuse_shorter(file: MediaFile, kind: str, original_s: float, proxy_s: float) -> None:
    if original_s - proxy_s > max(_MAX_LOSS_S, _MAX_LOSS * original_s):
        raise ItemError(
            FailureKind.DECODE_ERROR,
            f"{file.path} is damaged: of {original_s:.1f} s of {kind} {proxy_s:.1f} s can be decoded; it "
            "stays as it is; fetch it again, or leave it (--keep-media all)",
        )
