"""Read the properties of a video file. In: a path. Out: a `Probe`, or an `ItemError` with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ophvl.errors import ItemError
from ophvl.ids import sha256_file
from ophvl.media.container import open_video, video_stream
from ophvl.ports import Probe
from schemas.vocab import FailureKind

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream


def probe(path: Path) -> Probe:
    """Read a file's headers, decode its first picture and hash its content.

    Raises:
        ItemError: NOT_FOUND, EMPTY, UNREADABLE, TRUNCATED, NOT_A_VIDEO, or DECODE_ERROR when the
            file opens but its first picture cannot be decoded.
    """
    with open_video(path) as container:
        stream = video_stream(container)
        width, height = displayed_size(_first_frame(container, stream, path), stream)
        fps = float(stream.average_rate or stream.guessed_rate or 0)
        has_audio = bool(container.streams.audio)
        codec = stream.codec_context.name
        duration_s = _duration_s(container, stream)
    return Probe(
        path=path,
        bytes=path.stat().st_size,
        sha256=sha256_file(path),
        duration_s=duration_s,
        width=width,
        height=height,
        fps=fps,
        video_codec=codec,
        has_audio=has_audio,
    )


def displayed_size(frame: VideoFrame, stream: VideoStream) -> tuple[int, int]:
    """Return width and height in square pixels, after the rotation in the file's metadata."""
    aspect = stream.sample_aspect_ratio
    width = round(frame.width * aspect) if aspect else frame.width
    return (frame.height, width) if frame.rotation % 180 else (width, frame.height)


def _first_frame(container: InputContainer, stream: VideoStream, path: Path) -> VideoFrame:
    import av

    stream.codec_context.thread_count = 1
    try:
        for frame in container.decode(stream):
            return frame
    except av.error.FFmpegError as err:
        message = f"{path}: the first picture cannot be decoded: {err.strerror or err}"
        raise ItemError(FailureKind.DECODE_ERROR, message) from err
    message = f"{path} holds no picture; fetch or copy it again"
    raise ItemError(FailureKind.DECODE_ERROR, message)


def _duration_s(container: InputContainer, stream: VideoStream) -> float:
    """Return the duration of the video stream, from its packets if no header gives it."""
    import av

    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if container.duration:
        return container.duration / av.time_base
    container.seek(0)
    ends = [
        packet.pts + (packet.duration or 0)
        for packet in container.demux(stream)
        if packet.pts is not None
    ]
    if not ends or stream.time_base is None:
        return 0.0
    return float((max(ends) - (stream.start_time or 0)) * stream.time_base)
