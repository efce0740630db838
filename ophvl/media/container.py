"""Open a video file with PyAV, for the probe and the frame reader.

In: a path. Out: an open container, or an `ItemError` that distinguishes text, pictures, cut and damaged
files. Only self-contained video formats are allowed: a playlist format could make the decoder
open other files or addresses.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ophvl.errors import ItemError
from schemas.vocab import FailureKind

if TYPE_CHECKING:
    from av import VideoFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,mxf,wtv,dv,ivf,"
    "mp3,wav,flac,aac,nut"
)
"""FFmpeg's names of the formats that are opened. Streams without time stamps are not; pure audio is, so that
it can be distinguished from damaged files."""

OPTIONS = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
"""Options for every decoder of files that we did not write ourselves."""

_HEAD_BYTES = 64
_MAGIC = (b"\x1a\x45\xdf\xa3", b"RIFF", b"FLV", b"OggS", b"\x00\x00\x01", b"0&\xb2u", b"G@")
"""First bytes of Matroska, AVI, Flash, Ogg, MPEG, ASF and MPEG-TS."""
_ISO_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"moof", b"styp"})
"""Boxes that an ISO media file (mp4, mov) may begin with (ISO/IEC 14496-12)."""


def open_video(path: Path) -> InputContainer:
    """Open a file for decoding; the caller closes it.

    Raises:
        ItemError: NOT_FOUND, EMPTY, UNREADABLE, TRUNCATED or NOT_A_VIDEO.
    """
    import av

    size, head = _size_and_head(path)
    if size == 0:
        raise ItemError(FailureKind.EMPTY, f"{path} is empty (0 bytes); fetch or copy it again")
    try:
        container = av.open(f"file:{path.absolute()}", options=OPTIONS, metadata_errors="replace")
    except av.error.FFmpegError as err:
        reason = err.strerror or str(err)
        missing = _missing_bytes(path)
        if missing:
            raise ItemError(
                FailureKind.TRUNCATED,
                f"{path} is cut: {missing} of {size + missing} bytes are missing, and nothing of it can be "
                "decoded; fetch it again",
            ) from err
        if _looks_like_video(head):
            message = f"{path} cannot be opened, it is damaged or incomplete: {reason}"
            raise ItemError(FailureKind.UNREADABLE, message) from err
        message = f"{path} is not a video file: {reason}; take it off the list"
        raise ItemError(FailureKind.NOT_A_VIDEO, message) from err
    if all(_is_cover(stream) for stream in container.streams.video):
        container.close()
        message = f"{path} holds no video stream; take it off the list"
        raise ItemError(FailureKind.NOT_A_VIDEO, message)
    for stream in container.streams.video:
        stream.codec_context.thread_count = 1
    return container


def video_stream(container: InputContainer) -> VideoStream:
    """Return the video stream to decode: the first that is not a cover picture."""
    return next(stream for stream in container.streams.video if not _is_cover(stream))


def decoded_frames(
    container: InputContainer, stream: VideoStream
) -> Iterator[tuple[VideoFrame, int]]:
    """Decode from the container's position on; a packet that cannot be decoded costs its frame.

    Yields:
        Each frame, and how many packets since the frame before could not be decoded.
    """
    import av

    damaged = 0
    with contextlib.suppress(av.error.FFmpegError):  # What follows cannot be read.
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                damaged += 1
                continue
            for frame in frames:
                yield frame, damaged
                damaged = 0


def has_stream_clock(container: InputContainer) -> bool:
    """Return whether time stamps come from a broadcast clock: it may jump, and no header names a duration."""
    return container.format.name in {"mpegts", "mpeg"}


def can_be_heard(stream: AudioStream) -> bool:
    """Return whether there is a decoder for an audio stream."""
    return stream.codec_context.sample_rate > 0


def _missing_bytes(path: Path) -> int:
    """Return how many bytes an ISO media file (mp4, mov) lacks, by the sizes of its top-level boxes."""
    size = path.stat().st_size
    position = 0
    with path.open("rb") as file:
        while position < size:
            file.seek(position)
            header = file.read(16)
            if header[4:8] not in _ISO_BOXES and position == 0:
                return 0  # Another format.
            if len(header) < 8:
                return 0  # Stray bytes at the end are harmless.
            length = int.from_bytes(header[:4], "big")
            if length == 1 and len(header) == 16:
                length = int.from_bytes(header[8:], "big")
            if length == 0:
                return 0  # The last box goes on to the end of the file.
            if length < 8:
                return 0  # Not a box: left to the decoder.
            position += length
    return max(0, position - size)


def _size_and_head(path: Path) -> tuple[int, bytes]:
    try:
        with path.open("rb") as file:
            return path.stat().st_size, file.read(_HEAD_BYTES)
    except FileNotFoundError as err:
        message = f"{path} does not exist; check the path"
        raise ItemError(FailureKind.NOT_FOUND, message) from err
    except OSError as err:
        message = f"{path} cannot be read: {err.strerror}; check its permissions"
        raise ItemError(FailureKind.UNREADABLE, message) from err


def _looks_like_video(head: bytes) -> bool:
    return head.startswith(_MAGIC) or head[4:8] in _ISO_BOXES


def _is_cover(stream: VideoStream) -> bool:
    """Return whether a stream is just a cover picture, as in music files."""
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)
