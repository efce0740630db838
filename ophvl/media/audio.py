"""Stream the sound of a video. In: a path. Out: blocks of 16 kHz mono float32 samples.

One single-threaded ffmpeg process a video; never more than one block in memory. Time 0 of the blocks
is time 0 of the video: a late or interrupted audio stream is padded with silence.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ophvl.errors import ItemError, UsageError
from ophvl.media.container import OPTIONS
from ophvl.ports import SAMPLE_RATE
from schemas.vocab import FailureKind

if TYPE_CHECKING:
    from ophvl.ports import Samples

_SAMPLE_BYTES = 4
_RESAMPLE = f"aresample={SAMPLE_RATE}:async=1:first_pts=0"


@functools.cache
def ffmpeg_binary() -> str:
    """Return the path of ffmpeg: the one on PATH, else the one in the package imageio-ffmpeg.

    Raises:
        UsageError: there is neither.
    """
    on_path = shutil.which("ffmpeg")
    if on_path:
        return on_path
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError) as err:
        message = "no ffmpeg was found; install it, or the package imageio-ffmpeg"
        raise UsageError(message) from err


@dataclass(frozen=True, kw_only=True)
class FfmpegAudioReader:
    """Reads the first audio stream in blocks of `block_s` seconds (`ophvl.ports.AudioReader`)."""

    block_s: float = 30.0
    revision: str = "ffmpeg-16k-mono-1"

    def blocks(self, path: Path) -> Iterator[Samples]:
        """Yield blocks of `block_s` seconds, the last one shorter; ffmpeg ends with the iterator.

        The file must have an audio stream (`Probe.has_audio`).

        Raises:
            ItemError: DECODE_ERROR with the last line of ffmpeg's output.
        """
        import numpy as np

        block_bytes = round(self.block_s * SAMPLE_RATE) * _SAMPLE_BYTES
        # ffmpeg's messages go to a file: a pipe that is not read would fill up and block it.
        with tempfile.TemporaryFile() as stderr:
            process = subprocess.Popen(
                _command(path), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr
            )
            stdout = process.stdout
            assert stdout is not None
            try:
                while data := stdout.read(block_bytes):
                    yield np.frombuffer(data, dtype="<f4")
                if process.wait() != 0:
                    message = f"the sound of {path} cannot be decoded: {_last_line(stderr)}"
                    raise ItemError(FailureKind.DECODE_ERROR, message)
            finally:
                stdout.close()
                process.kill()
                process.wait()


def _command(path: Path) -> list[str]:
    import ffmpeg

    stream = ffmpeg.input(f"file:{path.absolute()}", threads=1, **OPTIONS)
    stream = stream.audio.output("pipe:", format="f32le", ac=1, af=_RESAMPLE, threads=1)
    options = ("-nostdin", "-hide_banner", "-loglevel", "error")
    command: list[str] = stream.global_args(*options).compile(cmd=ffmpeg_binary())
    return command


def _last_line(stderr: IO[bytes]) -> str:
    stderr.seek(0)
    lines = stderr.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "ffmpeg gave no reason"
