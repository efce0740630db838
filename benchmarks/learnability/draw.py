"""Draw frames of an eye under the microscope, 64 x 64 pixels, with OpenCV.

Each video has an eye, a camera, light and instruments of its own; each frame moves a little. The traces of
a phase (a wound, a torn capsule, a lens, a flap) remain visible most of the time. The file is long because
each phase and each instrument has its drawing here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.learnability.world import INSTRUMENTS, PHASES, Operation

SIDE = 64
_SHIFT = 4
"""OpenCV draws at fractions of a pixel, given as integers of 1/16."""

Pixels = NDArray[np.float32]
Point = NDArray[np.float64]
Colour = tuple[float, float, float]

_PHASE = {phase.name: phase for phase in PHASES}
_IRISES = np.array(
    [[110, 72, 44], [72, 108, 118], [92, 118, 88], [138, 104, 62], [52, 46, 34], [112, 142, 148]]
)
"""RGB."""
_METAL = {
    "keratome": (196, 198, 206),
    "cannula": (170, 168, 164),
    "cystotome": (164, 168, 160),
    "forceps": (158, 154, 148),
    "phaco tip": (76, 138, 188),
    "irrigation aspiration handpiece": (152, 148, 172),
    "chopper": (150, 152, 150),
    "lens injector": (148, 188, 152),
    "vitreous cutter": (220, 214, 214),
    "light pipe": (116, 112, 108),
}


@dataclass(frozen=True, kw_only=True)
class Style:
    """The appearance that all frames of a video share. Lengths in pixels, colours RGB."""

    iris: Point
    sclera: Point
    centre: Point
    radius: float
    pupil: float
    """Radius of the pupil as a share of the iris."""
    wound: float
    """Angle of the main wound, radians."""
    reflex: float
    cataract: float
    haze: float
    gain: float
    cast: Point
    blur: float
    noise: float
    thickness: float
    hues: dict[str, Point]
    dark: bool
    stained: bool


def style(operation: Operation, random: np.random.Generator) -> Style:
    """Draw the eye, the camera and the light of one video."""
    cornea = operation.surgery.name == "endothelial keratoplasty"
    hazy = random.random() < (0.6 if cornea else 0.1)
    return Style(
        iris=_IRISES[random.integers(len(_IRISES))] * random.uniform(0.7, 1.2)
        + random.normal(0, 8, 3),
        sclera=np.array([214, 206, 198]) * random.uniform(0.8, 1.05) + random.normal(0, 6, 3),
        centre=SIDE / 2 + random.normal(0, 3.5, 2),
        radius=float(random.uniform(17, 25)),
        pupil=float(random.uniform(0.55, 0.78)),
        wound=float(random.uniform(0, 2 * np.pi)),
        reflex=float(random.uniform(0, 1)),
        cataract=float(random.uniform(0.2, 0.9)),
        haze=float(random.uniform(0.15, 0.45)) if hazy else 0.0,
        gain=float(random.uniform(0.65, 1.15)),
        cast=random.normal(1, 0.035, 3),
        blur=float(random.uniform(0.3, 1.0)),
        noise=float(random.uniform(2, 6)),
        thickness=float(random.uniform(1.1, 1.6)),
        hues={name: random.normal(0, 9, 3) for name in INSTRUMENTS},
        dark=bool(random.random() < 0.8),
        stained=bool(random.random() < 0.35),
    )


@dataclass(frozen=True, kw_only=True)
class DrawnFrame:
    """A frame, uint8 [64, 64, 3] in RGB, and the instruments that it shows."""

    pixels: NDArray[np.uint8]
    instruments: frozenset[str]


def frame(
    look: Style, phase: str, done: Collection[str], cataract: bool, random: np.random.Generator
) -> DrawnFrame:
    """Draw one frame of `phase`, after the phases `done`; `cataract`: the surgery removes the lens."""
    image: Pixels = np.empty((SIDE, SIDE, 3), np.float32)
    image[:] = look.sclera
    centre = look.centre + random.normal(0, 1.2, 2)
    if phase == "scleral flap dissection" or (
        "scleral flap dissection" in done and _visible(random)
    ):
        _flap(image, look, centre)
    _disc(image, centre, look.radius, look.iris)
    for angle in np.linspace(0, 2 * np.pi, 14, endpoint=False) + look.wound:
        spoke = _unit(angle)
        inner, outer = look.radius * look.pupil, look.radius * 0.97
        _line(image, centre + spoke * inner, centre + spoke * outer, look.iris * 0.82, 1)
    _inside(image, look, phase, done, cataract, centre, random)
    if phase == "incision" or ("incision" in done and _visible(random)):
        out, along = _unit(look.wound), _unit(look.wound + np.pi / 2)
        at = centre + out * look.radius * 0.93
        _line(image, at - along * 3, at + along * 3, np.array([172, 92, 90]), 1)
    visible = _visible_instruments(phase, random)
    if _PHASE[phase].dark and look.dark:
        image *= 0.6
    for index, name in enumerate(visible):
        _instrument(image, name, look, phase, centre, index, random)
    if random.random() < 0.8:  # The lamp, mirrored by the cornea.
        _disc(image, centre + random.normal(0, 5, 2), random.uniform(0.8, 2), np.full(3, 250.0))
    return DrawnFrame(pixels=_camera(image, look, random), instruments=frozenset(visible))


def _visible_instruments(phase: str, random: np.random.Generator) -> list[str]:
    names = [name for name in _PHASE[phase].tools if random.random() < 0.94]
    names += [name for name in _PHASE[phase].sometimes if random.random() < 0.25]
    if random.random() < 0.08:
        names.append(str(random.choice(["cannula", "forceps", "chopper"])))
    return list(dict.fromkeys(names))


def _camera(image: Pixels, look: Style, random: np.random.Generator) -> NDArray[np.uint8]:
    hazy = image * (1 - look.haze) + np.float32(188) * look.haze
    blurred = cv2.GaussianBlur(hazy.astype(np.float32), (0, 0), look.blur)
    lit = blurred * (look.gain * random.uniform(0.93, 1.07) * look.cast)
    noise = random.standard_normal((SIDE, SIDE, 3)) * look.noise
    return np.clip(lit + noise, 0, 255).astype(np.uint8)


def _inside(
    image: Pixels,
    look: Style,
    phase: str,
    done: Collection[str],
    cataract: bool,
    centre: Point,
    random: np.random.Generator,
) -> None:
    """Draw what is visible through the pupil."""
    pupil = look.radius * look.pupil
    colour = np.array([35.0, 25, 25]) + look.reflex * np.array([130, 50, 20])
    if cataract and phase != "phacoemulsification" and "phacoemulsification" not in done:
        share = look.cataract * 0.6
        colour = colour * (1 - share) + np.array([165, 160, 140]) * share
    _disc(image, centre, pupil, colour)
    if cataract and look.stained and phase == "capsulorhexis":
        _disc(image, centre, pupil * 0.95, colour * 0.5 + np.array([20.0, 35, 85]))
    if "capsulorhexis" in done and _visible(random):
        _ring(image, centre, pupil * 0.72, np.clip(colour * 1.3 + 20, 0, 255))
    if phase in _WORK:
        _WORK[phase](image, centre, pupil, colour, random)
    implanted = "lens implantation" in done or (phase == "lens implantation" and _visible(random))
    if implanted and _visible(random):
        _disc(image, centre, pupil * 0.82, np.clip(colour + 55, 0, 255))
    if phase == "graft insertion" or "graft insertion" in done:
        reach = _unit(random.uniform(0, 2 * np.pi)) * pupil * 0.5
        _line(image, centre - reach, centre + reach, np.array([60, 90, 170]), 3)


def _tear(
    image: Pixels, centre: Point, pupil: float, colour: Point, random: np.random.Generator
) -> None:
    if _visible(random):
        _arc(image, centre, pupil * 0.65, random.uniform(60, 280), (200, 190, 190), random)


def _membrane(
    image: Pixels, centre: Point, pupil: float, colour: Point, random: np.random.Generator
) -> None:
    if random.random() < 0.9:
        start = random.uniform(0, 2 * np.pi)
        corners = [
            centre + pupil * 0.7 * share * _unit(start + angle)
            for angle, share in ((0, 1.0), (0.5, 0.8), (1.0, 0.4), (0.4, 0.5))
        ]
        _area(image, corners, np.clip(colour * 0.6 + 110, 0, 255))


def _nucleus(
    image: Pixels, centre: Point, pupil: float, colour: Point, random: np.random.Generator
) -> None:
    _disc(image, centre, pupil * 0.85, np.array([176.0, 160, 120]))
    start = random.uniform(0, np.pi)
    for groove in range(random.integers(1, 3)):
        reach = _unit(start + groove * np.pi / 2) * pupil * 0.85
        _line(image, centre - reach, centre + reach, np.array([80, 70, 60]), 1)


def _cortex(
    image: Pixels, centre: Point, pupil: float, colour: Point, random: np.random.Generator
) -> None:
    for _ in range(random.integers(1, 4)):
        out = _unit(random.uniform(0, 2 * np.pi)) * pupil
        inward = out * random.uniform(0.4, 0.8) + random.normal(0, 2, 2)
        _line(image, centre + out * 0.95, centre + inward, np.array([185, 180, 170]), 1)


_WORK: Mapping[str, Callable[[Pixels, Point, float, Point, np.random.Generator], None]] = {
    "capsulorhexis": _tear,
    "descemet stripping": _membrane,
    "phacoemulsification": _nucleus,
    "cortex removal": _cortex,
}
"""Draws the work of a phase inside the pupil, during the phase."""


def _flap(image: Pixels, look: Style, centre: Point) -> None:
    out, along = _unit(look.wound + 1.5), _unit(look.wound + 1.5 + np.pi / 2)
    near, far = centre + out * look.radius, centre + out * (look.radius + 9)
    corners = [near - along * 6, near + along * 6, far + along * 6, far - along * 6]
    _area(image, corners, look.sclera * np.array([0.85, 0.65, 0.65]))


@dataclass(frozen=True, kw_only=True)
class _Pose:
    """The pose of an instrument: its tip, unit vectors along and across it, its end outside the frame."""

    tip: Point
    back: Point
    side: Point
    end: Point
    thick: float
    metal: Point


def _instrument(
    image: Pixels,
    name: str,
    look: Style,
    phase: str,
    centre: Point,
    index: int,
    random: np.random.Generator,
) -> None:
    angle = look.wound + random.normal(0, 0.25) + (random.choice([1.6, -1.6]) if index else 0)
    reach = look.radius * look.pupil * random.uniform(-0.1, 0.6)
    if phase == "scleral flap dissection":
        angle += 1.5
        reach = min(look.radius + random.uniform(0, 5), SIDE / 2 - 4)  # Within the frame.
    elif phase == "incision" and index == 0:
        reach = look.radius * 0.85
    elif name == "lens injector":
        reach = look.radius * random.uniform(0.6, 1.0)
    tip = centre + _unit(angle) * reach + random.normal(0, 1.2, 2)
    back = _unit(angle + random.normal(0, 0.15))
    pose = _Pose(
        tip=tip,
        back=back,
        side=np.array([-back[1], back[0]]),
        end=tip + back * 80,
        thick=look.thickness,
        metal=np.array(_METAL[name]) + look.hues[name],
    )
    _TOOLS[name](image, pose)


def _keratome(image: Pixels, at: _Pose) -> None:
    base = at.tip + at.back * 9
    edge = at.side * 3.5 * at.thick
    _line(image, base, at.end, at.metal * 0.6, 3 * at.thick)
    _area(image, [at.tip, base + edge, base - edge], at.metal)


def _cannula(image: Pixels, at: _Pose) -> None:
    _line(image, at.tip, at.end, at.metal, 1.6 * at.thick)


def _cystotome(image: Pixels, at: _Pose) -> None:
    bend = at.tip + at.back * 3
    _line(image, bend, at.end, at.metal, 1.6 * at.thick)
    _line(image, bend, at.tip + at.side * 3, at.metal * 1.1, 1)


def _forceps(image: Pixels, at: _Pose) -> None:
    base = at.tip + at.back * 12
    for way in (1, -1):
        _line(image, at.tip + at.side * way * 2.2, base, at.metal, 1.2)
    _line(image, base, at.end, at.metal, 3 * at.thick)


def _phaco_tip(image: Pixels, at: _Pose) -> None:
    base = at.tip + at.back * 6
    _line(image, at.tip, base, np.full(3, 190.0), 2)
    _line(image, base, at.end, at.metal, 5 * at.thick)


def _handpiece(image: Pixels, at: _Pose) -> None:
    _line(image, at.tip, at.end, at.metal, 4 * at.thick)
    _disc(image, at.tip, 2.4 * at.thick, at.metal * 0.75)
    _disc(image, at.tip, 0.9, np.full(3, 30.0))


def _chopper(image: Pixels, at: _Pose) -> None:
    _line(image, at.tip, at.end, at.metal, 1.5 * at.thick)
    _line(image, at.tip, at.tip - at.side * 2.5, at.metal, 1)


def _injector(image: Pixels, at: _Pose) -> None:
    base = at.tip + at.back * 8
    mouth, throat = at.side * 1.2, at.side * 4 * at.thick
    _area(image, [at.tip + mouth, at.tip - mouth, base - throat, base + throat], at.metal)
    _line(image, base, at.end, at.metal * 0.95, 7 * at.thick)


def _cutter(image: Pixels, at: _Pose) -> None:
    _line(image, at.tip, at.end, at.metal, 3 * at.thick)
    _disc(image, at.tip + at.back * 2, 1.1, np.full(3, 25.0))


def _light_pipe(image: Pixels, at: _Pose) -> None:
    _line(image, at.tip, at.end, at.metal, 1.6 * at.thick)
    _disc(image, at.tip, 2, np.array([250.0, 245, 200]))


_TOOLS: Mapping[str, Callable[[Pixels, _Pose], None]] = {
    "keratome": _keratome,
    "cannula": _cannula,
    "cystotome": _cystotome,
    "forceps": _forceps,
    "phaco tip": _phaco_tip,
    "irrigation aspiration handpiece": _handpiece,
    "chopper": _chopper,
    "lens injector": _injector,
    "vitreous cutter": _cutter,
    "light pipe": _light_pipe,
}


def _visible(random: np.random.Generator) -> bool:
    """Draw whether a trace is visible: reflections and focus hide it four times in ten."""
    return bool(random.random() < 0.6)


def _unit(angle: float) -> Point:
    return np.array([np.cos(angle), np.sin(angle)])


def _fixed(point: Point) -> tuple[int, int]:
    x, y = np.round(point * (1 << _SHIFT)).astype(int)
    return int(x), int(y)


def _colour(colour: Point | Colour) -> Colour:
    red, green, blue = colour
    return float(red), float(green), float(blue)


def _line(image: Pixels, start: Point, end: Point, colour: Point, width: float) -> None:
    thickness = max(1, round(width))
    cv2.line(image, _fixed(start), _fixed(end), _colour(colour), thickness, cv2.LINE_AA, _SHIFT)


def _disc(image: Pixels, centre: Point, radius: float, colour: Point) -> None:
    reach = round(max(radius, 0.5) * (1 << _SHIFT))
    cv2.circle(image, _fixed(centre), reach, _colour(colour), -1, cv2.LINE_AA, _SHIFT)


def _ring(image: Pixels, centre: Point, radius: float, colour: Point) -> None:
    reach = round(radius * (1 << _SHIFT))
    cv2.circle(image, _fixed(centre), reach, _colour(colour), 1, cv2.LINE_AA, _SHIFT)


def _arc(
    image: Pixels,
    centre: Point,
    radius: float,
    degrees: float,
    colour: Colour,
    random: np.random.Generator,
) -> None:
    reach = round(radius * (1 << _SHIFT))
    start = float(random.uniform(0, 360))
    cv2.ellipse(
        image, _fixed(centre), (reach, reach), start, 0, degrees, colour, 1, cv2.LINE_AA, _SHIFT
    )


def _area(image: Pixels, corners: list[Point], colour: Point) -> None:
    points = np.round(np.array(corners) * (1 << _SHIFT)).astype(np.int32)
    cv2.fillPoly(image, [points], _colour(colour), cv2.LINE_AA, _SHIFT)
