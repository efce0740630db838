"""Stream the sound of a video. In: a file. Out: blocks of 16 kHz mono float32 samples.

One single-threaded ffmpeg process a video; never more than one block in memory. Time 0 of the blocks
is time 0 of the video: a late or interrupted audio stream is padded with silence. Of stereo sound whose
channels cancel each other one channel is taken.
"""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from ophvl.errors import ItemError, UsageError
from ophvl.media.container import OPTIONS
from ophvl.media.timeline import on_one_clock
from ophvl.ports import SAMPLE_RATE, MediaFile
from schemas.vocab import FailureKind

if TYPE_CHECKING:
    from ophvl.ports import Samples

_SAMPLE_BYTES = 4
_CHANNELS = 2
"""ffmpeg gives two channels: the mix of all channels of the sound, and the first of them."""

_CANCELLED = 0.25
"""A mix this much quieter than one of its channels is one in which the channels cancel each other."""

_DAMAGE = re.compile("Error submitting packet to decoder|Error while decoding stream")


@functools.cache
def ffmpeg_binary() -> str:
    """Return the path of ffmpeg: the one on PATH, else that of the package imageio-ffmpeg.

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
        message = (
            "no ffmpeg was found; install it, or pip install 'ophvl[curate]', which brings one"
        )
        raise UsageError(message) from err


@dataclass(frozen=True, kw_only=True)
class FfmpegAudioReader:
    """Reads the sound in blocks of `block_s` seconds (`ophvl.ports.AudioReader`).

    `stall_s` is the longest wait for a block.
    """

    block_s: float = 30.0
    stall_s: float = 600.0
    revision: str = "ffmpeg-16k-mono-1"

    def blocks(self, file: MediaFile) -> FfmpegSound:
        """Return blocks of `block_s` seconds, the last one shorter; ffmpeg ends with the iterator.

        The file must have an audio stream (`Probe.has_audio`).
        """
        return FfmpegSound(file=file, block_s=self.block_s, stall_s=self.stall_s)


@dataclass(kw_only=True)
class FfmpegSound:
    """The sound of a file, in blocks. `damaged_packets` is known once all of them are read."""

    file: MediaFile
    block_s: float
    stall_s: float
    damaged_packets: int = 0

    def __iter__(self) -> Iterator[Samples]:
        """Yield the blocks.

        Raises:
            ItemError: DECODE_ERROR with the last line of ffmpeg's output; TIMEOUT if ffmpeg stalls.
        """
        block_bytes = round(self.block_s * SAMPLE_RATE) * _CHANNELS * _SAMPLE_BYTES
        # ffmpeg's messages go to a file: a pipe that is not read would fill up and block it.
        with on_one_clock(self.file) as file, tempfile.TemporaryFile() as stderr:
            process = subprocess.Popen(
                _command(file), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr
            )
            stdout = process.stdout
            assert stdout is not None
            try:
                while data := _read(process, stdout, block_bytes, self.stall_s):
                    yield _mono(data)
                if process.wait() != 0:
                    message = (
                        f"the sound of {self.file.path} cannot be decoded: {_last_line(stderr)}"
                    )
                    raise ItemError(FailureKind.DECODE_ERROR, message)
                self.damaged_packets = len(_DAMAGE.findall(_text(stderr)))
            except _StalledError as err:
                message = f"ffmpeg gave no sound of {self.file.path} for {self.stall_s:g} s, and was stopped"
                raise ItemError(FailureKind.TIMEOUT, message) from err
            finally:
                stdout.close()
                process.kill()
                process.wait()


class _StalledError(Exception):
    """ffmpeg takes too long for one block."""


def _read(process: subprocess.Popen[bytes], stdout: IO[bytes], size: int, stall_s: float) -> bytes:
    stalled = threading.Event()

    def stop() -> None:
        stalled.set()
        process.kill()

    timer = threading.Timer(stall_s, stop)
    timer.daemon = True
    timer.start()
    try:
        data = stdout.read(size)
    finally:
        timer.cancel()
    if stalled.is_set():
        raise _StalledError
    return data


def _command(file: MediaFile) -> list[str]:
    import ffmpeg

    source = ffmpeg.input(f"file:{file.path.absolute()}", threads=1, **OPTIONS)
    sound = source[f"a:{file.audio_stream}"]
    sound = sound.filter("aresample", SAMPLE_RATE, **{"async": 1, "first_pts": 0})
    both = sound.filter_multi_output("asplit")
    mix = both.stream(0).filter("aresample").filter("aformat", channel_layouts="mono")
    first = both.stream(1).filter("pan", args="mono|c0=c0")
    merged = ffmpeg.filter([mix, first], "amerge")
    output = merged.output("pipe:", format="f32le", threads=1)
    options = ("-nostdin", "-hide_banner", "-loglevel", "error")
    command: list[str] = output.global_args(*options).compile(cmd=ffmpeg_binary())
    return command


def _mono(data: bytes) -> Samples:
    """Return the mix of all channels, or where they cancel each other the first of them."""
    import numpy as np

    mix, first = np.frombuffer(data, dtype="<f4").reshape(-1, _CHANNELS).T
    cancels = np.square(mix).sum() < _CANCELLED**2 * np.square(first).sum()
    return np.ascontiguousarray(first if cancels else mix)


def _last_line(stderr: IO[bytes]) -> str:
    lines = _text(stderr).strip().splitlines()
    return lines[-1] if lines else "ffmpeg gave no reason"


def _text(stderr: IO[bytes]) -> str:
    stderr.seek(0)
    return stderr.read().decode(errors="replace")
