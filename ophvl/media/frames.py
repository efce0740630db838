"""Read pictures of a video at given times. In: a file and times. Out: JPEG frames, in order of time.

The file is opened once. Times are sorted; the reader decodes forward, and seeks only where a
keyframe lies between the current picture and the next time: never one process for each picture.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ophvl.errors import ItemError
from ophvl.media.container import decoded_frames, open_video, video_stream
from ophvl.media.orientation import Orientation, displayed_size
from ophvl.media.timeline import on_one_clock
from ophvl.ports import Frame, MediaFile
from schemas.vocab import FailureKind

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer

_HALF_TICK_S = 0.0005
"""A picture that starts this little after the requested time counts as shown: times get rounded."""

_BLIND_SEEK_S = 10.0
"""Without an index of keyframes: decode through shorter gaps than this, seek over longer ones."""

_STEPS_BACK_S = (0.0, 2.0, 15.0, 1e6)
"""How far before the time to seek, one after another, if a seek lands after the time."""


@dataclass(frozen=True, kw_only=True)
class AvFrameReader:
    """Reads JPEG pictures, their short side scaled down to `short_side` pixels, never enlarged."""

    short_side: int = 256
    quality: int = 90

    @property
    def revision(self) -> str:
        """Changes when the same video would give other pictures."""
        return f"jpeg-{self.short_side}-q{self.quality}-1"

    def read(self, file: MediaFile, times_s: Sequence[float]) -> Iterator[Frame]:
        """Yield the picture shown at each time: the last one that starts at or before it.

        A time before the first picture gives the first, a time after the last gives the last. Times
        come sorted, each once. A picture that cannot be decoded gives the one before it.

        Raises:
            ItemError: as `ophvl.media.container.open_video`; DECODE_ERROR names the time.
        """
        with on_one_clock(file) as one, open_video(one.path) as container:
            cursor = _FrameCursor(container)
            for time_s in sorted(set(times_s)):
                frame = cursor.at(time_s)
                if frame is None:
                    message = (
                        f"{file.path} shows no picture at {time_s:.3f} s; fetch or copy it again"
                    )
                    raise ItemError(FailureKind.DECODE_ERROR, message)
                yield self._encode(frame, cursor, time_s)

    def _encode(self, frame: VideoFrame, cursor: _FrameCursor, time_s: float) -> Frame:
        from PIL import Image

        orientation = Orientation.of(frame)
        full = displayed_size(frame, cursor.stream)
        scale = min(1.0, self.short_side / min(full))
        width, height = (max(1, round(side * scale)) for side in full)
        stored = (height, width) if orientation.transposed else (width, height)
        pixels = frame.reformat(
            width=stored[0], height=stored[1], format="rgb24", interpolation="AREA"
        )
        picture = orientation.turn(Image.fromarray(pixels.to_ndarray()))
        buffer = io.BytesIO()
        picture.save(buffer, format="JPEG", quality=self.quality)
        return Frame(
            time_s=time_s,
            jpeg=buffer.getvalue(),
            width=width,
            height=height,
            damaged=cursor.take_damaged(),
        )


class _FrameCursor:
    """A position in one video stream that moves forward. Times count from the earliest stream's start."""

    def __init__(self, container: InputContainer) -> None:
        import av

        self.stream = video_stream(container)
        self._container = container
        self._origin_s = (container.start_time or 0) / av.time_base
        self._frames: Iterator[tuple[VideoFrame, int]] = iter(())
        self._damaged = 0
        self._shown: VideoFrame | None = None
        self._next: VideoFrame | None = None

    def at(self, time_s: float) -> VideoFrame | None:
        """Return the picture shown at a time; times must not decrease from call to call."""
        if self._shown is None or self._worth_a_seek(time_s):
            self._seek(time_s)
        while self._next is not None and self._time_s(self._next) <= time_s + _HALF_TICK_S:
            self._step()
        return self._shown

    def take_damaged(self) -> int:
        """Return how many packets could not be decoded since the last call."""
        damaged, self._damaged = self._damaged, 0
        return damaged

    def _step(self) -> None:
        following, damaged = next(self._frames, (None, 0))
        self._shown, self._next = self._next, following
        self._damaged += damaged

    def _time_s(self, frame: VideoFrame) -> float:
        return (frame.time or 0.0) - self._origin_s

    def _worth_a_seek(self, time_s: float) -> bool:
        if self._next is None or self._shown is None:
            return False  # The end is reached.
        index = self.stream.index_entries
        ticks = self._ticks(time_s)
        keyframe = index.search_timestamp(ticks)
        reached = self._next.dts
        if keyframe >= 0 and reached is not None and index[keyframe].timestamp > reached:
            return True
        if len(index) and index[len(index) - 1].timestamp >= ticks:
            return False  # The index reaches beyond the time, and no keyframe lies in between.
        return time_s - self._time_s(self._shown) > _BLIND_SEEK_S

    def _seek(self, time_s: float) -> None:
        # Some formats count from 0 whatever their first time stamp, and refuse to seek before it.
        beginning = min(0, self.stream.start_time or 0)
        for back_s in _STEPS_BACK_S:
            target = max(beginning, self._ticks(time_s - back_s))
            self._container.seek(target, stream=self.stream)
            self._frames = decoded_frames(self._container, self.stream)
            self._shown = self._next = None
            self._step()
            self._step()
            if self._shown is not None and self._time_s(self._shown) <= time_s + _HALF_TICK_S:
                return
            if target == beginning:
                return  # The time lies before the first picture.

    def _ticks(self, time_s: float) -> int:
        assert self.stream.time_base is not None
        return int((time_s + self._origin_s) / self.stream.time_base)
