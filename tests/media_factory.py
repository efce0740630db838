"""Small video files for tests, written with PyAV: the colour of each picture encodes its number."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import av
import numpy as np
from numpy.typing import NDArray

from ophvl.ports import MediaFile

AUDIO_RATE = 16_000

CODECS = {
    ".webm": ("vp9", "libopus"),
    ".avi": ("mpeg4", "libmp3lame"),
    ".mpg": ("mpeg2video", "mp2"),
}


def make_video(
    path: Path,
    *,
    seconds: float = 2.0,
    fps: int = 10,
    size: tuple[int, int] = (160, 96),
    audio: NDArray[np.float32] | None = None,
    audio_start_s: float = 0.0,
    rotation: int = 0,
    pixel_aspect: Fraction = Fraction(1),
    gop: int = 10,
    muxer: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """Write a video whose picture n has the grey level `grey(n)`; `audio` is mono at 16 kHz."""
    video_codec, audio_codec = CODECS.get(path.suffix, ("h264", "aac"))
    with av.open(str(path), "w", options=dict(muxer)) as container:
        video = container.add_stream(video_codec, rate=fps)
        video.width, video.height = size
        video.pix_fmt = "yuv420p"
        video.gop_size = gop
        video.codec_context.thread_count = 1
        video.codec_context.sample_aspect_ratio = pixel_aspect
        if rotation:
            video.set_display_rotation(rotation)
        sound = None
        if audio is not None:
            sound = container.add_stream(audio_codec, rate=AUDIO_RATE, layout="mono")
        for number in range(round(seconds * fps)):
            picture = np.full((size[1], size[0], 3), grey(number), dtype=np.uint8)
            picture[: size[1] // 4, : size[0] // 4] = (255, 0, 0)  # Red marks the top left corner.
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None and sound is not None:
            for start in range(0, len(audio), 1024):
                block = np.ascontiguousarray(audio[start : start + 1024], dtype=np.float32)
                frame = av.AudioFrame.from_ndarray(block[None, :], format="fltp", layout="mono")
                frame.sample_rate = AUDIO_RATE
                frame.time_base = Fraction(1, AUDIO_RATE)
                frame.pts = start + round(audio_start_s * AUDIO_RATE)
                container.mux(sound.encode(frame))
            container.mux(sound.encode(None))
    return path


def make_damaged(path: Path, *, seconds: float) -> Path:
    """Write an mp4 file without sound; the last half of its pictures is zeros, its headers are intact."""
    content = bytearray(make_video(path, seconds=seconds, size=(320, 240)).read_bytes())
    start, end = content.index(b"mdat") + 4, content.rindex(b"moov") - 4
    start += (end - start) // 2
    content[start:end] = bytes(end - start)
    path.write_bytes(content)
    return path


class NoSpeech:
    """Hears no speech in any file (`ophvl.ports.SpeechMeter`)."""

    revision = "none"

    def speech_s(self, file: MediaFile) -> float:
        return 0.0


def grey(number: int) -> int:
    """Return the grey level of picture `number`: neighbours differ by far more than the codec's error."""
    return 20 + number * 53 % 200


def tone(seconds: float, frequency: float = 440.0) -> NDArray[np.float32]:
    """Return a sine at half of full scale."""
    times = np.arange(round(seconds * AUDIO_RATE)) / AUDIO_RATE
    return (0.5 * np.sin(2 * np.pi * frequency * times)).astype(np.float32)
