"""A canvas to draw on in eye coordinates: origin at the centre of the cornea, unit its radius.

Shapes are anti-aliased, may be translucent and soft-edged, and touch only the pixels under them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
Colour = tuple[float, float, float]
Pixels = NDArray[np.uint8]
Points = NDArray[np.float64]

SHIFT = 4
"""Sub-pixel bits of the coordinates that OpenCV's drawing functions take."""


@dataclass(frozen=True, kw_only=True)
class View:
    """The microscope's view: centre of the cornea in pixels, pixels per unit, roll in radians."""

    centre: Point
    scale: float
    roll: float

    def matrix(self) -> NDArray[np.float64]:
        """Return the 2 x 3 affine map from eye coordinates to pixels."""
        cos, sin = self.scale * math.cos(self.roll), self.scale * math.sin(self.roll)
        return np.array([[cos, -sin, self.centre[0]], [sin, cos, self.centre[1]]])


class Canvas:
    """RGB pixels (height, width, 3), uint8, seen through a view."""

    def __init__(self, pixels: Pixels, view: View) -> None:
        self.pixels = pixels
        self.view = view
        self._matrix = view.matrix()

    def to_pixels(self, points: Points | Sequence[Point]) -> Points:
        """Map (n, 2) points in eye coordinates to pixels."""
        mapped: Points = np.asarray(points, dtype=np.float64) @ self._matrix[:, :2].T
        return mapped + self._matrix[:, 2]

    def fill(
        self,
        points: Points | Sequence[Point],
        colour: Colour,
        alpha: float = 1.0,
        *,
        blur: float = 0.0,
        hole: Points | Sequence[Point] | None = None,
    ) -> None:
        """Fill a polygon; `blur` softens its edge (eye units), `hole` is cut out of it."""
        if alpha <= 0.0:
            return
        rings = [self.to_pixels(points)]
        if hole is not None and len(hole) > 2:
            rings.append(self.to_pixels(hole))
        covered = self._patch(rings[0], blur * self.view.scale * 3 + 2)
        if covered is None:
            return
        patch, corner = covered
        mask = np.zeros(patch.shape[:2], np.uint8)
        fixed = [np.rint((ring - corner) * (1 << SHIFT)).astype(np.int32) for ring in rings]
        cv2.fillPoly(mask, fixed, 255, cv2.LINE_AA, SHIFT)
        self._blend(patch, mask, colour, alpha, blur)

    def line(
        self,
        points: Points | Sequence[Point],
        colour: Colour,
        width: float,
        alpha: float = 1.0,
        *,
        blur: float = 0.0,
        closed: bool = False,
    ) -> None:
        """Draw a polyline `width` eye units wide (never thinner than a pixel)."""
        if alpha <= 0.0 or len(points) < 2:
            return
        pixels = self.to_pixels(points)
        thick = max(1, round(width * self.view.scale))
        covered = self._patch(pixels, blur * self.view.scale * 3 + thick + 2)
        if covered is None:
            return
        patch, corner = covered
        mask = np.zeros(patch.shape[:2], np.uint8)
        fixed = np.rint((pixels - corner) * (1 << SHIFT)).astype(np.int32)
        cv2.polylines(mask, [fixed], closed, 255, thick, cv2.LINE_AA, SHIFT)
        self._blend(patch, mask, colour, alpha, blur)

    def disc(
        self, centre: Point, radius: float, colour: Colour, alpha: float = 1.0, *, blur: float = 0.0
    ) -> None:
        """Fill a circle."""
        self.fill(ring(centre, radius, steps=24 if radius < 0.2 else 64), colour, alpha, blur=blur)

    def paste(self, source: Pixels, mask: NDArray[np.uint8]) -> None:
        """Blend `source`, pixels of the same size, over the canvas through a mask (0 to 255)."""
        x, y, width, height = cv2.boundingRect(mask)
        if width == 0:
            return
        box = np.s_[y : y + height, x : x + width]
        share = mask[box][..., None].astype(np.float32) / 255.0
        below = self.pixels[box].astype(np.float32)
        mixed = below + (source[box].astype(np.float32) - below) * share
        self.pixels[box] = np.rint(mixed).astype(np.uint8)

    def mask(self, points: Points | Sequence[Point], *, blur: float = 0.0) -> NDArray[np.uint8]:
        """Return the polygon as a mask of the canvas's size, 0 to 255."""
        mask = np.zeros(self.pixels.shape[:2], np.uint8)
        fixed = np.rint(self.to_pixels(points) * (1 << SHIFT)).astype(np.int32)
        cv2.fillPoly(mask, [fixed], 255, cv2.LINE_AA, SHIFT)
        return _softened(mask, blur * self.view.scale)

    def warp(
        self, texture: NDArray[np.uint8], per_unit: float, *, turn: float = 0.0
    ) -> NDArray[np.uint8]:
        """Warp a square texture, centred on the cornea with `per_unit` pixels a unit, into this view."""
        cos, sin = math.cos(turn) / per_unit, math.sin(turn) / per_unit
        half = (texture.shape[1] / 2, texture.shape[0] / 2)
        to_eye = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
        to_eye[:2, 2] = -to_eye[:2, :2] @ np.array(half)
        height, width = self.pixels.shape[:2]
        warped = cv2.warpAffine(
            texture,
            self._matrix @ to_eye,
            (width, height),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(warped, np.uint8)

    def _patch(self, pixels: Points, margin: float) -> tuple[Pixels, Point] | None:
        """Return the canvas's pixels around a shape and their top left corner; None if there are none."""
        height, width = self.pixels.shape[:2]
        left, top = np.floor(pixels.min(axis=0) - margin).astype(int)
        right, bottom = np.ceil(pixels.max(axis=0) + margin).astype(int)
        left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
        if left >= right or top >= bottom:
            return None
        return self.pixels[top:bottom, left:right], (float(left), float(top))

    def _blend(
        self, patch: Pixels, mask: NDArray[np.uint8], colour: Colour, alpha: float, blur: float
    ) -> None:
        share = _softened(mask, blur * self.view.scale)[..., None] * np.float32(alpha / 255.0)
        below = patch.astype(np.float32)
        patch[:] = np.rint(below + (np.asarray(colour, np.float32) - below) * share)


def ring(
    centre: Point, radius: float, *, start: float = 0.0, sweep: float = math.tau, steps: int = 64
) -> Points:
    """Return `steps` points on an arc (radians): (steps, 2)."""
    angles = start + np.linspace(0.0, sweep, steps)
    return np.stack(
        [centre[0] + radius * np.cos(angles), centre[1] + radius * np.sin(angles)], axis=1
    )


def polar(radius: float, angle: float) -> Point:
    """Return the point at a distance and angle (radians, clockwise on the screen) from the origin."""
    return radius * math.cos(angle), radius * math.sin(angle)


def between(a: Point, b: Point, share: float) -> Point:
    """Return the point `share` of the way from a to b."""
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share


def ease(value: float, low: float = 0.0, high: float = 1.0) -> float:
    """Return a smooth step: 0 up to `low`, 1 from `high` on."""
    share = min(1.0, max(0.0, (value - low) / (high - low)))
    return share * share * (3.0 - 2.0 * share)


def dark(colour: Colour, share: float) -> Colour:
    """Return the colour darkened to a share of its light."""
    return colour[0] * share, colour[1] * share, colour[2] * share


def light(colour: Colour, share: float) -> Colour:
    """Return the colour mixed with a share of white."""
    r, g, b = (c + (255 - c) * share for c in colour)
    return r, g, b


def _softened(mask: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    if sigma < 0.5:
        return mask
    # The cost of a Gaussian grows with its width; a wide one is as good on a smaller mask.
    if sigma < 6:
        return np.asarray(cv2.GaussianBlur(mask, (0, 0), sigma), np.uint8)
    factor = 4
    height, width = mask.shape
    size = (max(1, width // factor), max(1, height // factor))
    small = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / factor, borderType=cv2.BORDER_CONSTANT)
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, np.uint8)
