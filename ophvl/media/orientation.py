"""How a picture is to be turned, mirrored and stretched for display.

A file may hold a display matrix (ISO/IEC 14496-12, track header) that maps stored pixels to displayed ones: a
phone held upright, a microscope that mirrors. Multiples of a quarter turn, mirrored or not, are followed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.stream import VideoStream
    from PIL.Image import Image


@dataclass(frozen=True, kw_only=True)
class Orientation:
    """What turns a stored picture into the displayed one: first `transposed`, then the two flips."""

    transposed: bool
    """Whether rows become columns."""
    flipped_across: bool
    """Whether left and right are exchanged."""
    flipped_down: bool
    """Whether top and bottom are exchanged."""

    @classmethod
    def of(cls, frame: VideoFrame) -> Orientation:
        """Return the orientation that the display matrix of a frame asks for; upright without one."""
        sides: Iterable[Any] = frame.side_data  # Its stubs take it for a mapping of names.
        matrices = [bytes(side) for side in sides if side.type.name == "DISPLAYMATRIX"]
        if not matrices:
            return cls(transposed=False, flipped_across=False, flipped_down=False)
        # x' = a x + c y and y' = b x + d y, with y downwards.
        a, b, _, c, d = struct.unpack_from("=5i", matrices[0])
        transposed = abs(b) + abs(c) > abs(a) + abs(d)
        across, down = (c, b) if transposed else (a, d)
        return cls(transposed=transposed, flipped_across=across < 0, flipped_down=down < 0)

    def turn(self, picture: Image) -> Image:
        """Return a stored picture as it is displayed."""
        from PIL.Image import Transpose

        if self.transposed:
            picture = picture.transpose(Transpose.TRANSPOSE)
        if self.flipped_across:
            picture = picture.transpose(Transpose.FLIP_LEFT_RIGHT)
        if self.flipped_down:
            picture = picture.transpose(Transpose.FLIP_TOP_BOTTOM)
        return picture


def displayed_size(frame: VideoFrame, stream: VideoStream) -> tuple[int, int]:
    """Return width and height in square pixels, as displayed."""
    aspect = stream.sample_aspect_ratio
    width = round(frame.width * aspect) if aspect else frame.width
    return (frame.height, width) if Orientation.of(frame).transposed else (width, frame.height)
