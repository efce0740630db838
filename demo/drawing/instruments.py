"""The instruments, each drawn from its tip backwards along its shaft.

Shapes are given in the instrument's own frame: x runs from the tip (0) towards the hand, y across,
both in corneal radii. The instruments of one video share a metal, but hubs, sleeves and cartridges take
random colours, so that shape and position identify an instrument, not its colour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from demo.drawing.canvas import Canvas, Colour, Point, Points
from demo.drawing.look import Look
from demo.phases import Instrument

Profile = Sequence[tuple[float, float]]
"""Half widths along a shaft: (x, half width) from tip to hand."""

FAR = 4.5
"""Length of a shaft: it ends beyond the edge of every frame."""


@dataclass(frozen=True, kw_only=True)
class Pose:
    """The pose of an instrument: its tip, the angle from tip to hand, and the opening of its jaws."""

    instrument: Instrument
    tip: Point
    angle: float
    opening: float = 0.0
    side: float = 1.0


class Pen:
    """Draws in the coordinates of an instrument."""

    def __init__(self, canvas: Canvas, pose: Pose) -> None:
        cos, sin = math.cos(pose.angle), math.sin(pose.angle)
        self._axes = np.array([[cos, sin], [-sin * pose.side, cos * pose.side]])
        self._tip = np.array(pose.tip)
        self._canvas = canvas

    def to_eye(self, points: Points | Sequence[Point]) -> Points:
        """Map (n, 2) points from the instrument's coordinates to eye coordinates."""
        mapped: Points = np.asarray(points, dtype=np.float64) @ self._axes + self._tip
        return mapped

    def fill(
        self, points: Sequence[Point], colour: Colour, alpha: float = 1.0, *, blur: float = 0.0
    ) -> None:
        """Fill a polygon."""
        self._canvas.fill(self.to_eye(points), colour, alpha, blur=blur)

    def line(
        self,
        points: Sequence[Point],
        colour: Colour,
        width: float,
        alpha: float = 1.0,
        *,
        blur: float = 0.0,
    ) -> None:
        """Draw a polyline."""
        self._canvas.line(self.to_eye(points), colour, width, alpha, blur=blur)

    def rod(
        self, profile: Profile, colour: Colour, *, alpha: float = 1.0, bend: float = 0.0
    ) -> None:
        """Draw a round shaft of varying width with a soft shadow, a dark side and a glint.

        `bend` curves it sideways, like a cannula.
        """

        def strip(low: float, high: float) -> list[Point]:
            upper = [(x, _bow(x, bend) + w * high) for x, w in profile]
            lower = [(x, _bow(x, bend) + w * low) for x, w in reversed(profile)]
            return upper + lower

        shadow = [(x + 0.03, y + 0.07) for x, y in strip(-1.1, 1.1)]
        self.fill(shadow, (24, 12, 10), 0.28 * alpha, blur=0.025)
        self.fill(strip(-1.0, 1.0), shade(colour, 0.62), alpha)
        self.fill(strip(-0.75, 0.45), colour, alpha)
        self.fill(strip(-0.6, -0.2), shade(colour, 1.35), 0.85 * alpha)


def draw(canvas: Canvas, pose: Pose, look: Look) -> None:
    """Draw one instrument."""
    _SHAPES[pose.instrument](Pen(canvas, pose), pose, look)


def shade(colour: Colour, factor: float) -> Colour:
    """Return the colour made darker (`factor` below 1) or lighter."""
    r, g, b = (min(255.0, c * factor) for c in colour)
    return r, g, b


def _bow(x: float, bend: float) -> float:
    return bend * math.sin(min(x, 1.1) / 1.1 * math.pi) if bend else 0.0


def _knife(pen: Pen, pose: Pose, look: Look) -> None:
    pen.rod([(0.6, 0.03), (1.1, 0.035), (1.25, 0.08), (FAR, 0.11)], look.metal)
    pen.fill([(0, 0), (0.6, 0.075), (0.7, 0.03), (0.7, -0.03), (0.55, -0.035)], look.blade)
    pen.line([(0, 0), (0.6, 0.075)], (255, 255, 255), 0.014)
    pen.line([(0.02, 0), (0.55, -0.035)], shade(look.blade, 0.5), 0.012)


def _keratome(pen: Pen, pose: Pose, look: Look) -> None:
    blade = [
        (0, 0),
        (0.3, 0.19),
        (0.62, 0.19),
        (0.8, 0.06),
        (0.8, -0.06),
        (0.62, -0.19),
        (0.3, -0.19),
    ]
    pen.fill([(x + 0.03, y + 0.05) for x, y in blade], (24, 12, 10), 0.3, blur=0.025)
    pen.rod([(0.74, 0.05), (1.3, 0.06), (1.42, 0.11), (FAR, 0.14)], look.metal)
    pen.fill(blade, look.blade)
    pen.fill([(0, 0), (0.3, 0.19), (0.62, 0.19), (0.6, 0.1), (0.3, 0.1)], shade(look.blade, 1.4))
    pen.fill(
        [(0, 0), (0.3, -0.19), (0.62, -0.19), (0.6, -0.1), (0.3, -0.1)], shade(look.blade, 0.7)
    )
    pen.line([(0.3, 0.19), (0, 0), (0.3, -0.19)], (255, 255, 255), 0.014)


def _cannula(pen: Pen, look: Look, hub: Colour, width: float, bend: float) -> None:
    pen.rod([(0, width), (1.35, width * 1.1)], look.metal, bend=bend)
    pen.rod([(1.3, 0.03), (1.4, 0.1), (1.75, 0.13), (1.85, 0.2)], hub)
    pen.rod([(1.85, 0.22), (FAR, 0.22)], (214, 220, 224), alpha=0.6)


def _visco(pen: Pen, pose: Pose, look: Look) -> None:
    _cannula(pen, look, look.hubs[0], 0.024, 0.05)
    # The gel leaves the tip as a clear coil with a bright edge.
    coil = [(0.03 - 0.13 * math.cos(0.55 * i) * i / 12, 0.14 * math.sin(0.9 * i) * i / 12)
            for i in range(13)]  # fmt: skip
    pen.line(coil, (255, 255, 255), 0.05, 0.35 * pose.opening, blur=0.015)
    pen.line(coil, (255, 255, 255), 0.016, 0.8 * pose.opening)


def _hydro(pen: Pen, pose: Pose, look: Look) -> None:
    _cannula(pen, look, look.hubs[1], 0.02, 0.0)
    # The flattened tip is bent sideways, to slip under the rim of the capsule.
    pen.line([(0.0, 0.13), (0.03, 0.05), (0.14, 0.0)], shade(look.metal, 0.6), 0.05)
    pen.line([(0.0, 0.13), (0.03, 0.05), (0.14, 0.0)], shade(look.metal, 1.2), 0.026)


def _hydration(pen: Pen, pose: Pose, look: Look) -> None:
    _cannula(pen, look, look.hubs[2], 0.022, -0.03)
    for y in (-0.05, 0.03, 0.08):
        spray = [(-0.03, y * 0.3), (-0.16, y), (-0.24, y * 2.2)]
        pen.line(spray, (255, 255, 255), 0.025, 0.55 * pose.opening, blur=0.012)


def _cystotome(pen: Pen, pose: Pose, look: Look) -> None:
    pen.rod([(0.03, 0.018), (1.35, 0.022)], look.metal, bend=0.04)
    pen.fill([(0.0, 0.1), (0.03, 0.0), (0.09, 0.0)], shade(look.metal, 1.2))
    pen.rod([(1.3, 0.03), (1.4, 0.1), (1.8, 0.14), (FAR, 0.15)], look.hubs[1])


def _forceps(pen: Pen, pose: Pose, look: Look) -> None:
    gap = 0.015 + 0.06 * pose.opening
    for sign in (1.0, -1.0):
        arm = [(0.0, sign * gap), (0.09, sign * (gap + 0.045)), (0.5, sign * (gap + 0.055)),
               (0.95, sign * 0.05), (1.5, sign * 0.13), (2.4, sign * 0.27), (FAR, sign * 0.34)]  # fmt: skip
        pen.line([(x + 0.03, y + 0.06) for x, y in arm], (24, 12, 10), 0.06, 0.3, blur=0.02)
        pen.line(arm[:4], shade(look.metal, 0.6), 0.044)
        pen.line(arm[:4], shade(look.metal, 1.25), 0.02)
        pen.line(arm[3:], shade(look.metal, 0.6), 0.13)
        pen.line(arm[3:], look.metal, 0.085)
        pen.line(arm[3:], shade(look.metal, 1.35), 0.025)
        pen.line([(0.0, sign * gap), (-0.03, sign * gap * 0.3)], shade(look.metal, 0.9), 0.03)
    pen.fill([(0.86, -0.08), (1.06, -0.1), (1.06, 0.1), (0.86, 0.08)], shade(look.metal, 0.85))


def _phaco(pen: Pen, pose: Pose, look: Look) -> None:
    pen.rod([(0.0, 0.05), (0.3, 0.055)], look.metal)
    pen.fill([(0.0, 0.05), (0.1, 0.03), (0.03, -0.05), (-0.03, -0.02)], (36, 26, 26))
    sleeve = [(0.18, 0.085), (0.26, 0.11), (0.95, 0.125), (1.15, 0.19), (1.4, 0.21)]
    pen.rod(sleeve, look.sleeve, alpha=0.8)
    pen.rod([(1.35, 0.22), (1.6, 0.25), (2.4, 0.33), (FAR, 0.36)], look.metal)
    pen.line([(1.62, -0.25), (1.62, 0.25)], shade(look.metal, 0.5), 0.03)
    for i in range(6):
        angle = 2.4 * i + 9.0 * pose.opening
        at = (-0.04 - 0.05 * (i % 3) * pose.opening, 0.1 * math.sin(angle))
        pen.fill([(at[0] + 0.014 * c, at[1] + 0.014 * s) for c, s in _UNIT], (255, 255, 255),
                 0.6 * min(1.0, 2 * pose.opening))  # fmt: skip


def _chopper(pen: Pen, pose: Pose, look: Look) -> None:
    pen.rod([(0.02, 0.02), (1.3, 0.026), (1.4, 0.06), (FAR, 0.09)], look.metal)
    pen.line([(0.04, 0.0), (0.0, 0.04), (0.0, 0.13)], shade(look.metal, 0.55), 0.05)
    pen.line([(0.04, 0.0), (0.0, 0.04), (0.0, 0.13)], shade(look.metal, 1.3), 0.026)


def _aspiration(pen: Pen, pose: Pose, look: Look) -> None:
    if look.bimanual:
        pen.rod([(0.0, 0.03), (0.06, 0.042), (1.4, 0.046), (1.5, 0.1), (FAR, 0.13)], look.metal)
    else:
        pen.rod([(0.0, 0.03), (0.06, 0.045), (0.45, 0.048)], look.metal)
        pen.rod([(0.3, 0.065), (0.38, 0.085), (1.0, 0.095), (1.2, 0.13)], look.sleeve, alpha=0.8)
        pen.rod([(1.18, 0.11), (1.35, 0.13), (FAR, 0.16)], look.metal)
    pen.fill([(0.09 + 0.03 * c, 0.03 * s) for c, s in _UNIT], (18, 14, 16))
    # A wisp of cortex or gel is drawn into the port.
    wisp = [(0.08, 0.0), (-0.08, 0.05), (-0.2, 0.02), (-0.32, 0.08)]
    pen.line(wisp, (240, 230, 206), 0.05, 0.4 * pose.opening, blur=0.015)


def _irrigation(pen: Pen, pose: Pose, look: Look) -> None:
    pen.rod([(0.0, 0.032), (0.05, 0.04), (1.4, 0.044), (1.5, 0.1), (FAR, 0.13)], look.metal)
    pen.rod([(1.7, 0.12), (1.95, 0.13)], look.hubs[1])
    for side in (-1.0, 1.0):
        jet = [(0.08, side * 0.04), (0.0, side * 0.13), (-0.06, side * 0.2)]
        pen.line(jet, (255, 255, 255), 0.03, 0.3 * pose.opening, blur=0.015)


def _injector(pen: Pen, pose: Pose, look: Look) -> None:
    tube = [(0.0, 0.12), (0.5, 0.14), (0.95, 0.24), (1.5, 0.27)]
    pen.rod(tube, look.cartridge, alpha=0.7)
    pen.fill([(0.0, 0.12), (0.2, 0.12), (0.04, -0.12), (-0.04, -0.12)], (250, 250, 250), 0.45)
    waiting = 1.0 - pose.opening
    folded = [(0.3, 0.05), (0.9, 0.13), (1.3, 0.13), (1.3, -0.13), (0.9, -0.13), (0.3, -0.05)]
    pen.fill(folded, shade(look.lens_tint, 0.95), 0.75 * waiting)
    pen.line([(0.3, 0.0), (1.3, 0.04)], (255, 255, 255), 0.02, 0.6 * waiting)
    plunger = 1.25 - 1.1 * pose.opening
    pen.line([(plunger, 0.0), (1.6, 0.0)], shade(look.metal, 0.7), 0.07)
    pen.fill(
        [(0.95, 0.24), (1.05, 0.46), (1.4, 0.46), (1.5, 0.27)], shade(look.cartridge, 0.9), 0.8
    )
    pen.rod([(1.5, 0.29), (1.8, 0.33), (FAR, 0.36)], shade(look.cartridge, 0.85))


def _hook(pen: Pen, pose: Pose, look: Look) -> None:
    pen.rod([(0.0, 0.018), (1.3, 0.024), (1.4, 0.06), (FAR, 0.085)], look.metal, bend=0.03)
    pen.line([(0.02, 0.0), (-0.02, -0.07)], shade(look.metal, 1.2), 0.03)


_UNIT = tuple((math.cos(k * math.tau / 10), math.sin(k * math.tau / 10)) for k in range(10))

_SHAPES: dict[Instrument, Callable[[Pen, Pose, Look], None]] = {
    Instrument.SIDEPORT_KNIFE: _knife,
    Instrument.KERATOME: _keratome,
    Instrument.VISCO_CANNULA: _visco,
    Instrument.CYSTOTOME: _cystotome,
    Instrument.FORCEPS: _forceps,
    Instrument.HYDRO_CANNULA: _hydro,
    Instrument.PHACO_HANDPIECE: _phaco,
    Instrument.CHOPPER: _chopper,
    Instrument.IRRIGATION_TIP: _irrigation,
    Instrument.ASPIRATION_TIP: _aspiration,
    Instrument.INJECTOR: _injector,
    Instrument.HOOK: _hook,
    Instrument.HYDRATION_CANNULA: _hydration,
}
