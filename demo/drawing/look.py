"""The appearance of a simulated case: patient, light, microscope, instruments, and the surgeon's tremor.

Everything here is drawn once per video from the seed, and nothing of it depends on the phase.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from demo.drawing.canvas import Colour, View

WIDTH, HEIGHT = 320, 240
DRAWN_WIDTH, DRAWN_HEIGHT = 480, 360
"""Frames are drawn larger than they are filmed, and then averaged down."""

IRISES: tuple[tuple[Colour, Colour], ...] = (
    ((92, 58, 34), (58, 36, 22)),
    ((120, 82, 46), (76, 50, 28)),
    ((104, 112, 82), (66, 72, 56)),
    ((98, 128, 150), (58, 82, 104)),
    ((128, 140, 144), (82, 94, 100)),
    ((70, 46, 34), (44, 30, 24)),
)
SKINS: tuple[Colour, ...] = (
    (214, 168, 142), (188, 138, 108), (150, 102, 76), (112, 76, 58), (222, 184, 164),
)  # fmt: skip
DRAPES: tuple[Colour, ...] = ((52, 98, 132), (60, 120, 112), (92, 118, 136), (64, 88, 120))
CATARACTS: tuple[Colour, ...] = (
    (196, 158, 92), (174, 126, 64), (206, 184, 138), (150, 98, 48), (188, 176, 150),
)  # fmt: skip
WHITE_CATARACT: Colour = (222, 220, 210)
PLASTICS: tuple[Colour, ...] = (
    (214, 218, 220), (96, 150, 196), (210, 132, 150), (120, 176, 128), (226, 206, 120),
    (176, 140, 196), (228, 168, 96),
)  # fmt: skip
METALS: tuple[Colour, ...] = ((176, 182, 188), (150, 154, 162), (190, 184, 174), (136, 148, 166))


@dataclass(frozen=True, kw_only=True)
class Look:
    """The appearance of one video. Angles in radians, lengths in corneal radii, colours RGB."""

    texture_seed: int
    iris: tuple[Colour, Colour]
    sclera: Colour
    vessels: int
    skin: Colour
    drape: Colour
    reflex: Colour
    cataract: Colour
    density: float
    pupil: float
    small_pupil: bool
    stained: bool
    white: bool
    main_angle: float
    side_angle: float
    rhexis: float
    tear_start: float
    tear_sense: float
    bimanual: bool
    metal: Colour
    blade: Colour
    sleeve: Colour
    hubs: tuple[Colour, Colour, Colour]
    cartridge: Colour
    lens_tint: Colour
    lens_angle: float
    tremor: float
    sway: tuple[float, ...]
    centre: tuple[float, float]
    scale: float
    drift: float
    zoom: float
    roll: float
    gains: Colour
    light: float
    flicker: float
    vignette: float
    glints: tuple[tuple[float, float, float], ...]
    blur: float
    noise: float
    mark: int

    def view(self, time_s: float, jump: tuple[float, float]) -> View:
        """Return the microscope's view at a time: a slow drift, plus the shift of the current shot."""
        s = self.sway
        x = math.sin(s[0] * time_s + s[4]) + 0.5 * math.sin(2.3 * s[1] * time_s + s[5])
        y = math.sin(s[1] * time_s + s[6]) + 0.5 * math.sin(2.1 * s[0] * time_s + s[7])
        scale = self.scale * (1.0 + self.zoom * math.sin(s[2] * time_s + s[8]))
        width, height = DRAWN_WIDTH, DRAWN_HEIGHT
        return View(
            centre=(
                width * (self.centre[0] + self.drift * x + jump[0]),
                height * (self.centre[1] + self.drift * y + jump[1]),
            ),
            scale=scale * height,
            roll=self.roll * math.sin(s[3] * time_s + s[9]),
        )


def make_look(rng: random.Random) -> Look:
    """Draw the appearance of one video."""
    stained = rng.random() < 0.4
    white = stained and rng.random() < 0.5
    small_pupil = rng.random() < 0.2
    main = rng.choice((0.0, 90.0, 90.0, 180.0, 270.0)) + rng.uniform(-32, 32)
    side = main + rng.choice((-1, 1)) * rng.uniform(62, 100)
    warmth = rng.uniform(-0.07, 0.07)
    base = rng.uniform(200, 232)
    red = rng.uniform(4, 24)
    return Look(
        texture_seed=rng.randrange(2**31),
        iris=rng.choice(IRISES),
        sclera=(base, base - red, base - red * rng.uniform(0.9, 1.3)),
        vessels=rng.randint(14, 46),
        skin=rng.choice(SKINS),
        drape=rng.choice(DRAPES),
        reflex=(rng.uniform(186, 236), rng.uniform(84, 138), rng.uniform(38, 70)),
        cataract=WHITE_CATARACT if white else rng.choice(CATARACTS),
        density=rng.uniform(0.86, 0.96) if white else rng.uniform(0.42, 0.82),
        pupil=rng.uniform(0.44, 0.5) if small_pupil else rng.uniform(0.62, 0.76),
        small_pupil=small_pupil,
        stained=stained,
        white=white,
        main_angle=math.radians(main),
        side_angle=math.radians(side),
        rhexis=rng.uniform(0.4, 0.47),
        tear_start=rng.uniform(0, math.tau),
        tear_sense=rng.choice((-1.0, 1.0)),
        bimanual=rng.random() < 0.6,
        metal=rng.choice(METALS),
        blade=rng.choice(METALS),
        sleeve=rng.choice(PLASTICS),
        hubs=(rng.choice(PLASTICS), rng.choice(PLASTICS), rng.choice(PLASTICS)),
        cartridge=rng.choice(PLASTICS),
        lens_tint=rng.choice(((240, 226, 150), (226, 232, 238), (236, 236, 214))),
        lens_angle=rng.uniform(0, math.pi),
        tremor=rng.uniform(0.004, 0.012),
        sway=tuple(rng.uniform(0.25, 0.7) for _ in range(4))
        + tuple(rng.uniform(0, math.tau) for _ in range(6)),
        centre=(0.5 + rng.uniform(-0.06, 0.06), 0.5 + rng.uniform(-0.05, 0.05)),
        scale=rng.uniform(0.33, 0.46),
        drift=rng.uniform(0.006, 0.022),
        zoom=rng.uniform(0.01, 0.07),
        roll=rng.uniform(0.0, 0.06),
        gains=(1.0 + warmth, 1.0 + rng.uniform(-0.03, 0.03), 1.0 - warmth),
        light=rng.uniform(0.82, 1.1),
        flicker=rng.uniform(0.0, 0.025),
        vignette=rng.uniform(0.1, 0.75),
        glints=tuple(
            (rng.uniform(-0.3, 0.3), rng.uniform(-0.3, 0.3), rng.uniform(0.025, 0.055))
            for _ in range(rng.choice((2, 2, 3)))
        ),
        blur=rng.uniform(0.0, 0.7),
        noise=rng.uniform(0.8, 2.6),
        mark=rng.randrange(4),
    )
