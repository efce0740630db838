"""Read the properties of a video file. In: a path. Out: a `Probe`, or an `ItemError` with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ophvl.errors import ItemError
from ophvl.ids import sha256_file
from ophvl.media.container import decoded_frames, has_stream_clock, open_video, video_stream
from ophvl.media.orientation import displayed_size
from ophvl.media.timeline import Timeline, read_timeline
from ophvl.ports import Probe
from schemas.vocab import FailureKind

if TYPE_CHECKING:
    from av import VideoFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

TOLERANCE_S = 1.0
"""Lengths that differ by less are taken as equal: the last picture, or the padding of the sound."""

_TOLERANCE = 0.02
"""Share of a length by which headers are wrong, as they leave out how long the last picture stays."""


def probe(path: Path) -> Probe:
    """Read a file's headers and time stamps, decode its first picture and hash its content.

    Raises:
        ItemError: NOT_FOUND, EMPTY, UNREADABLE, TRUNCATED, NOT_A_VIDEO, or DECODE_ERROR when the
            file opens but none of its pictures can be decoded.
    """
    timeline = read_timeline(path)
    with open_video(path) as container:
        stream = video_stream(container)
        header_s = _header_s(container, stream)
        missing_s = _missing_s(container, timeline)
        width, height = displayed_size(_first_frame(container, stream, path), stream)
        fps = float(stream.average_rate or stream.guessed_rate or 0)
        codec = stream.codec_context.name
        default_audio = tuple(
            number for number, one in enumerate(container.streams.audio) if _is_default(one)
        )
    return Probe(
        path=path,
        bytes=path.stat().st_size,
        sha256=sha256_file(path),
        duration_s=_duration_s(header_s, timeline),
        pictures_s=timeline.pictures_s,
        sound_s=timeline.sound_s,
        default_audio=default_audio,
        missing_s=missing_s,
        clock_jumps=timeline.clock_jumps,
        width=width,
        height=height,
        fps=fps,
        video_codec=codec,
    )


def _first_frame(container: InputContainer, stream: VideoStream, path: Path) -> VideoFrame:
    for frame, _ in decoded_frames(container, stream):
        return frame
    message = f"{path} holds no picture that can be decoded; fetch or copy it again"
    raise ItemError(FailureKind.DECODE_ERROR, message)


def _header_s(container: InputContainer, stream: VideoStream) -> float | None:
    """Return the duration of the pictures that the headers name, if any does."""
    import av

    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


def _duration_s(header_s: float | None, timeline: Timeline) -> float:
    """Return how long a file can be played: as its header says, where the packets confirm that."""
    pictures_s = timeline.pictures_s
    if header_s is not None and abs(header_s - pictures_s) <= TOLERANCE_S:
        pictures_s = header_s
    sound_s = max(timeline.sound_s, default=0.0)
    return sound_s if sound_s > pictures_s + TOLERANCE_S else pictures_s


def _missing_s(container: InputContainer, timeline: Timeline) -> float:
    """Return how much of the duration in the header is not there."""
    import av

    if container.duration is None or has_stream_clock(container) or timeline.clock_jumps:
        return 0.0
    stream = video_stream(container)
    # Some durations are those of the bytes that are there. The number of pictures is the header's.
    counted_s = float(stream.frames / stream.average_rate) if stream.average_rate else 0.0
    header_s = max(container.duration / av.time_base, counted_s)
    missing_s = header_s - max(timeline.pictures_s, *timeline.sound_s, timeline.others_s)
    return missing_s if missing_s > max(TOLERANCE_S, _TOLERANCE * header_s) else 0.0


def _is_default(stream: AudioStream) -> bool:
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.default)
