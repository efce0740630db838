"""Draw the video that is not surgery: an eye make-up tutorial with lid, lashes, brow and a brush."""

from __future__ import annotations

import math
import random

import numpy as np

from demo.drawing.canvas import Canvas, Colour, Pixels, Points, View, ring
from demo.drawing.instruments import shade
from demo.drawing.look import DRAWN_HEIGHT, DRAWN_WIDTH, Look

SHADOWS: tuple[Colour, ...] = ((122, 72, 64), (112, 84, 140), (70, 96, 130), (176, 104, 84))


class MakeupPainter:
    """Draws one face, with more make-up as the video goes on."""

    def __init__(self, look: Look, rng: random.Random) -> None:
        self._look = look
        self._shadow = rng.choice(SHADOWS)
        self._lashes = [rng.uniform(0.8, 1.2) for _ in range(26)]

    def draw(self, time_s: float, duration_s: float) -> Pixels:
        """Draw one moment, (DRAWN_HEIGHT, DRAWN_WIDTH, 3)."""
        look = self._look
        size = (DRAWN_HEIGHT, DRAWN_WIDTH, 3)
        pixels = np.empty(size, np.uint8)
        pixels[:] = np.array(look.skin, np.uint8)
        sway = 0.02 * math.sin(0.7 * time_s)
        view = View(centre=(size[1] * (0.5 + sway), size[0] * 0.55), scale=size[0] * 0.3, roll=sway)
        canvas = Canvas(pixels, view)
        done = time_s / duration_s
        # The lid is shut while it is painted; afterwards the eye looks into the camera and blinks.
        blink = max(0.0, math.sin(0.9 * time_s)) ** 24
        opening = 0.0 if done < 0.7 else 1 - blink
        self._face(canvas)
        canvas.fill(_lid(0.75), self._shadow, 0.15 + 0.65 * min(1.0, 1.4 * done), blur=0.09)
        self._eye(canvas, opening)
        self._lash_line(canvas, opening, done)
        self._brush(canvas, time_s, away=max(0.0, done - 0.85) * 12)
        return pixels

    def _face(self, canvas: Canvas) -> None:
        skin = self._look.skin
        canvas.fill(ring((1.9, 0.9), 0.9), shade(skin, 0.8), 0.5, blur=0.3)
        canvas.fill(ring((-0.6, 1.3), 0.8), (220, 130, 120), 0.2, blur=0.3)
        canvas.fill(_lid(1.0), shade(skin, 0.86), 0.6, blur=0.1)
        brow = [
            (-1.35, -1.0),
            (-0.4, -1.42),
            (0.6, -1.34),
            (1.25, -1.0),
            (0.6, -1.16),
            (-0.4, -1.2),
        ]
        canvas.fill(brow, (58, 40, 30), 0.85, blur=0.035)
        canvas.line([(-1.0, -0.62), (-0.3, -0.9), (0.4, -0.88), (1.0, -0.55)], shade(skin, 0.6), 0.03,
                    0.6, blur=0.02)  # fmt: skip

    def _eye(self, canvas: Canvas, opening: float) -> None:
        x = np.linspace(-1.0, 1.0, 24)
        upper = np.stack([x, -0.48 * opening * (1 - x**2)], axis=1)
        lower = np.stack([x, 0.34 * (1 - x**2)], axis=1)
        shape = np.concatenate([upper, lower[::-1]])
        if opening < 0.3:
            canvas.line(lower, (40, 26, 22), 0.04)
            return
        inner = Canvas(np.full_like(canvas.pixels, (236, 230, 226)), canvas.view)
        inner.disc((0.05, -0.05), 0.42, self._look.iris[1])
        inner.disc((0.05, -0.05), 0.36, self._look.iris[0])
        inner.disc((0.05, -0.05), 0.15, (14, 10, 10))
        inner.disc((-0.08, -0.18), 0.06, (255, 255, 255))
        canvas.paste(inner.pixels, canvas.mask(shape, blur=0.01))
        canvas.line(upper, (40, 26, 22), 0.045)
        canvas.line(lower, (120, 80, 70), 0.02)

    def _lash_line(self, canvas: Canvas, opening: float, done: float) -> None:
        shut = opening < 0.3
        for i, length in enumerate(self._lashes):
            x = -0.95 + 1.9 * i / (len(self._lashes) - 1)
            y = (0.34 if shut else -0.48 * opening) * (1 - x * x)
            reach = (0.22 if shut else -0.26) * length * (0.7 + 0.6 * done)
            canvas.line([(x, y), (x * 1.22, y + reach)], (20, 14, 14), 0.014 + 0.008 * done, 0.9)

    def _brush(self, canvas: Canvas, time_s: float, *, away: float) -> None:
        x = 0.6 * math.sin(2.4 * time_s) + away
        y = -0.4 + 0.08 * math.cos(5 * time_s) - 0.15 * (1 - min(1.0, x * x)) + away
        hairs = [(x, y), (x + 0.12, y + 0.32), (x + 0.34, y + 0.26), (x + 0.26, y - 0.02)]
        canvas.fill(hairs, shade(self._shadow, 0.8), blur=0.03)
        canvas.line([(x + 0.22, y + 0.28), (x + 0.4, y + 0.62)], (206, 176, 96), 0.17)
        canvas.line([(x + 0.4, y + 0.62), (x + 1.6, y + 2.8)], (30, 28, 34), 0.15)


def _lid(share: float) -> Points:
    x = np.linspace(-1.15, 1.15, 30)
    top = np.stack([x, -1.0 * share * (1 - (x / 1.15) ** 2)], axis=1)
    bottom = np.stack([x, 0.3 * (1 - (x / 1.15) ** 2)], axis=1)
    lid: Points = np.concatenate([top, bottom[::-1]])
    return lid
