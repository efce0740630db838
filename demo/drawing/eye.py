"""Draws the eye in any state of the operation, below and above the instruments."""

from __future__ import annotations

import math

import numpy as np

from demo.drawing.canvas import Canvas, Colour, Points, between, dark, light, polar, ring
from demo.drawing.look import Look
from demo.drawing.tissue import PER_UNIT, cataract_texture, outside_texture, reflex_texture
from demo.phases import STRANDS, EyeState, tear_angle

BAG = 0.86
"""Radius of the capsular bag, most of it hidden behind the iris."""

OPTIC = 0.5
"""Radius of the implant's optic: 6 mm in a cornea of 12 mm."""


class EyePainter:
    """Draws one patient's eye. Textures are computed once, a frame takes a few milliseconds."""

    def __init__(self, look: Look) -> None:
        self._look = look
        rng = np.random.default_rng(look.texture_seed)
        self._outside = outside_texture(look, rng)
        self._reflex = reflex_texture(look, rng)
        self._cataract = cataract_texture(look, rng)
        self._strands = rng.uniform(0.2, 1.0, STRANDS)
        self._widths = rng.uniform(0.08, 0.32, STRANDS)
        self._shine = [
            (*polar(rng.uniform(1.15, 1.6), rng.uniform(0, math.tau)), rng.uniform(0.015, 0.05))
            for _ in range(5)
        ]
        self._chips = rng.uniform(-1, 1, (4, 12))
        self._bubbles = rng.uniform(-1, 1, (7, 3))

    def background(self, canvas: Canvas) -> None:
        """Draw everything outside the pupil, as it is before surgery."""
        canvas.pixels[:] = canvas.warp(self._outside, PER_UNIT)

    def draw(self, canvas: Canvas, state: EyeState, time_s: float) -> None:
        """Draw the eye below the instruments."""
        self.background(canvas)
        pupil = self._pupil(state, time_s)
        inner = Canvas(canvas.warp(self._reflex, PER_UNIT), canvas.view)
        self._lens(inner, state)
        self._capsule(inner, state)
        if state.wave is not None:
            self._wave(inner, state.wave)
        if state.lens_open > 0.5:
            self._implant(inner, state)
        inner.line(pupil, (20, 12, 8), 0.05, 0.5, blur=0.02, closed=True)
        canvas.paste(inner.pixels, canvas.mask(pupil, blur=0.006))
        canvas.line(pupil, (30, 20, 14), 0.02, 0.7, closed=True)
        if state.lens_out > 0.0 and state.lens_open <= 0.5:
            self._implant(canvas, state)
        self._hooks(canvas, state)
        self._gel(canvas, state, time_s)
        self._wounds(canvas, state)

    def gloss(self, canvas: Canvas, time_s: float) -> None:
        """Draw the light's reflections on the cornea, above everything inside the eye."""
        wobble = 0.012 * math.sin(1.7 * time_s)
        for x, y, radius in self._look.glints:
            canvas.disc((x + wobble, y - wobble), radius * 2.2, (255, 250, 240), 0.25, blur=radius)
            canvas.disc((x + wobble, y - wobble), radius, (255, 255, 252), 0.95, blur=0.006)
        for x, y, radius in self._shine:
            canvas.disc((x + wobble, y), radius, (255, 255, 255), 0.5, blur=radius * 0.6)
        arc = ring((0.0, 0.0), 0.88, start=self._look.tear_start, sweep=0.9, steps=20)
        canvas.line(arc, (255, 255, 255), 0.03, 0.16, blur=0.02)

    def _pupil(self, state: EyeState, time_s: float) -> Points:
        look = self._look
        angles = np.linspace(0, math.tau, 72, endpoint=False)
        radius = look.pupil * (1 + 0.012 * np.sin(0.9 * time_s) + 0.012 * np.cos(3 * angles))
        if state.hooks:
            # Four retractors pull the margin into a square with soft corners.
            square = 0.52 / np.maximum(
                np.abs(np.cos(angles - look.main_angle)), np.abs(np.sin(angles - look.main_angle))
            )
            radius = radius + (np.minimum(square, 0.7) - radius) * state.hooks
        return np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1)

    def _lens(self, canvas: Canvas, state: EyeState) -> None:
        if state.cortex > 0.0:
            self._cortex(canvas, state.cortex)
        if state.cracked <= 0.0:
            warped = canvas.warp(self._cataract, PER_UNIT, turn=state.nucleus_turn)
            canvas.paste(warped[..., :3], np.ascontiguousarray(warped[..., 3]))
            if state.groove > 0.0:
                self._groove(canvas, state)
            return
        for i, left in enumerate(state.pieces):
            if left > 0.02:
                self._piece(canvas, state, i, left)

    def _groove(self, canvas: Canvas, state: EyeState) -> None:
        for i in range(2):
            angle = self._look.main_angle + i * math.pi / 2
            length = 0.46 * state.groove * (1.0 if i == 0 else max(0.0, 2 * state.groove - 1))
            trench = (polar(length, angle), polar(length, angle + math.pi))
            canvas.line(trench, self._look.reflex, 0.1, 0.75, blur=0.012)
            canvas.line(trench, dark(self._look.cataract, 0.45), 0.03, 0.6)

    def _piece(self, canvas: Canvas, state: EyeState, i: int, left: float) -> None:
        look = self._look
        angle = look.main_angle + math.pi / 4 + i * math.pi / 2
        home = polar(0.05 + 0.07 * state.cracked, angle)
        # A piece that is being eaten has come to the middle, where the phaco tip waits.
        at = between(polar(0.1, look.main_angle), home, left)
        size = 0.52 * (0.25 + 0.75 * left)
        turn = angle + 1.2 * (1 - left)
        edge = ring((0, 0), size, start=turn - 0.68, sweep=1.36, steps=9)
        walls = [polar(size * 0.5, turn + 0.62), (0.0, 0.0), polar(size * 0.5, turn - 0.62)]
        ragged = np.concatenate([edge, np.array(walls)])
        ragged = ragged * (1 + 0.08 * self._chips[i, :, None]) + np.array(at)
        canvas.fill(ragged, dark(look.cataract, 0.4), 0.5, blur=0.03)
        canvas.fill(ragged, look.cataract, min(0.97, 0.4 + look.density * 0.6), blur=0.012)
        core = (ragged - ragged.mean(axis=0)) * 0.5 + ragged.mean(axis=0)
        canvas.fill(core, dark(look.cataract, 0.8), 0.6, blur=0.045)
        lit = ragged[5:12]
        canvas.line(lit, light(look.cataract, 0.6), 0.016, 0.6, blur=0.006)

    def _cortex(self, canvas: Canvas, left: float) -> None:
        """Whitish strands at the equator; they come off one after the other, drawn to the centre."""
        colour = light(self._look.cataract, 0.55)
        for i, reach in enumerate(self._strands):
            angle = self._look.tear_start + math.tau * i / STRANDS
            own = min(1.0, max(0.0, left * STRANDS - i))
            if own <= 0.0:
                continue
            inner = 0.62 - 0.2 * reach
            pulled = (1 - own) * 0.45
            wide = self._widths[i]
            wedge = [
                polar(BAG, angle - wide), polar(BAG, angle + wide),
                polar(inner + 0.1 - pulled, angle + 0.12 * own),
                polar(inner - pulled, angle), polar(inner + 0.08 - pulled, angle - 0.14 * own),
            ]  # fmt: skip
            canvas.fill(wedge, colour, (0.3 + 0.3 * reach) * min(1.0, own + 0.3), blur=0.022)
            canvas.line([polar(BAG, angle), polar(inner - pulled, angle)], colour, 0.012, 0.6)

    def _capsule(self, canvas: Canvas, state: EyeState) -> None:
        look = self._look
        radius, start = look.rhexis, look.tear_start
        sweep = look.tear_sense * math.tau * min(state.torn, 0.999)
        done = state.torn > 0.98
        hole = ring((0, 0), radius, start=start, sweep=sweep)
        if not done:
            hole = np.concatenate([hole, np.zeros((1, 2))])
        if state.stain:
            dyed = 0.34 if state.groove == 0.0 else 0.24
            torn = hole if state.torn > 0.01 else None
            canvas.fill(ring((0, 0), 0.97), (52, 84, 176), dyed * state.stain, hole=torn)
        if state.torn <= 0.01:
            return
        rim: Colour = (120, 150, 230) if state.stain else (250, 240, 222)
        arc = ring((0, 0), radius, start=start, sweep=sweep)
        canvas.line(arc, dark(look.reflex, 0.4), 0.03, 0.3, blur=0.01)
        canvas.line(arc, rim, 0.014, 0.75)
        if state.flap > 0.0:
            self._flap(canvas, state, rim)

    def _flap(self, canvas: Canvas, state: EyeState, rim: Colour) -> None:
        look = self._look
        front = tear_angle(look, state.torn)
        back = look.tear_sense * min(2.0, math.tau * state.torn)
        root = ring((0, 0), look.rhexis, start=front, sweep=-back * 0.45, steps=10)
        tip = polar(look.rhexis * 0.62, front - 0.25 * back)
        fold = polar(look.rhexis * 0.2, front - 0.7 * back)
        shape = np.concatenate([root, np.array([fold, tip])])
        canvas.fill(shape, (70, 50, 40), 0.25 * state.flap, blur=0.02)
        canvas.fill(shape, light(rim, 0.3), 0.66 * state.flap)
        canvas.line(shape, light(rim, 0.5), 0.014, 0.85 * state.flap, closed=True)
        canvas.line([tip, polar(look.rhexis, front)], (255, 255, 255), 0.012, 0.8 * state.flap)

    def _wave(self, canvas: Canvas, wave: float) -> None:
        look = self._look
        origin = polar(look.rhexis + 0.2, look.main_angle + 0.35)
        radius = 0.12 + 1.15 * wave
        strength = 1 - 0.5 * wave
        canvas.disc(origin, radius, (255, 214, 150), 0.18 * strength, blur=0.02)
        canvas.line(ring(origin, radius), (255, 246, 214), 0.05, 0.75 * strength, blur=0.012)
        canvas.line(ring(origin, radius + 0.06), (60, 20, 10), 0.05, 0.55 * strength, blur=0.015)

    def _implant(self, canvas: Canvas, state: EyeState) -> None:
        look = self._look
        entry = polar(0.75, look.main_angle)
        at = between(entry, (0.0, 0.0), state.lens_out)
        axis = look.main_angle if state.lens_open < 0.5 else look.main_angle + state.lens_turn
        wide = 0.2 + 0.8 * state.lens_open
        long = 0.55 + 0.45 * state.lens_out
        frame = np.array([[math.cos(axis), math.sin(axis)], [-math.sin(axis), math.cos(axis)]])

        def to_eye(points: Points) -> Points:
            mapped: Points = points * np.array([long, wide]) @ frame + np.array(at)
            return mapped

        tint = look.lens_tint
        for side in (1.0, -1.0):
            sweep = np.linspace(-0.25, 1.75, 26)
            reach = OPTIC + 0.32 * np.clip((sweep + 0.25) / 0.95, 0, 1) ** 0.8
            haptic = to_eye(side * np.stack([reach * np.cos(sweep), reach * np.sin(sweep)], axis=1))
            canvas.line(haptic, (90, 60, 40), 0.06, 0.25, blur=0.01)
            canvas.line(haptic, light(tint, 0.4), 0.038, 0.85)
        optic = to_eye(ring((0, 0), OPTIC))
        canvas.fill(optic, tint, 0.16 + 0.4 * (1 - state.lens_open))
        canvas.line(optic, (70, 40, 30), 0.03, 0.4, closed=True, blur=0.008)
        canvas.line(optic, light(tint, 0.6), 0.014, 0.8, closed=True)
        inner = to_eye(ring((0, 0), OPTIC * 0.9, start=2.4, sweep=1.3, steps=20))
        canvas.line(inner, (255, 255, 255), 0.025, 0.55, blur=0.008)
        if state.lens_open < 0.95:
            for y in (-0.22, 0.22):
                fold = to_eye(np.array([[-OPTIC * 0.8, y], [0.0, y * 1.3], [OPTIC * 0.8, y]]))
                canvas.line(fold, (255, 255, 255), 0.02, 0.6 * (1 - state.lens_open))

    def _hooks(self, canvas: Canvas, state: EyeState) -> None:
        if not state.hooks:
            return
        for i in range(4):
            angle = self._look.main_angle + math.pi / 4 + i * math.pi / 2
            thread = [polar(0.68, angle), polar(1.45, angle)]
            canvas.line(thread, (36, 54, 120), 0.026, 0.9)
            canvas.line([polar(0.66, angle - 0.03), polar(0.66, angle + 0.05)], (36, 54, 120), 0.02)
            square = [polar(1.1, angle - 0.05), polar(1.1, angle + 0.05),
                      polar(1.2, angle + 0.05), polar(1.2, angle - 0.05)]  # fmt: skip
            canvas.fill(square, (70, 120, 190), 0.9)

    def _gel(self, canvas: Canvas, state: EyeState, time_s: float) -> None:
        """Clear gel: hardly a colour of its own, but a swelling front, glints and small bubbles."""
        if state.gel <= 0.02:
            return
        moving = state.gel_moving
        start = polar(0.5 * (1 - state.gel), self._look.main_angle + math.pi)
        angles = np.linspace(0, math.tau, 60, endpoint=False)
        radius = 0.12 + 0.72 * state.gel
        bumps = 1 + 0.07 * np.sin(3 * angles + time_s) + 0.05 * np.sin(5 * angles - 1.4 * time_s)
        blob = np.stack([np.cos(angles), np.sin(angles)], axis=1) * (radius * bumps)[:, None]
        blob = blob + np.array(start)
        blob *= np.minimum(1.0, 0.93 / np.maximum(np.linalg.norm(blob, axis=1), 1e-6))[:, None]
        canvas.fill(blob, (235, 244, 250), 0.03 + 0.11 * moving)
        canvas.line(blob, (40, 40, 46), 0.03, 0.26 * moving, closed=True, blur=0.015)
        # The rim shines only where it faces the light.
        canvas.line(blob * 0.97, (255, 255, 255), 0.016, 0.05 + 0.25 * moving, closed=True,
                    blur=0.01)  # fmt: skip
        for first, last, share in ((4, 17, 0.97), (33, 42, 0.97), (8, 24, 0.8)):
            arc = start + (blob[first:last] - start) * share
            canvas.line(arc, (255, 255, 255), 0.02, 0.06 + 0.62 * moving, blur=0.008)
        for x, y, size in self._bubbles[: 3 + int(4 * moving)]:
            at = (start[0] + x * radius * 0.6, start[1] + y * radius * 0.6)
            bubble = 0.02 + 0.014 * size
            canvas.line(ring(at, bubble, steps=14), (30, 26, 26), 0.01, 0.5)
            canvas.disc((at[0] - bubble * 0.3, at[1] - bubble * 0.3), bubble * 0.4,
                        (255, 255, 255), 0.9)  # fmt: skip

    def _wounds(self, canvas: Canvas, state: EyeState) -> None:
        look = self._look
        for angle, cut, white, width in (
            (look.main_angle, state.main_cut, state.white_main, 0.2),
            (look.side_angle, state.side_cut, state.white_side, 0.09),
        ):
            if white > 0.0:
                cloud = ring(polar(0.84, angle), 0.1 + 0.1 * white, steps=30)
                canvas.fill(cloud, (236, 240, 242), 0.85 * white, blur=0.045)
                for side in (-1, 1):
                    wing = ring(polar(0.9, angle + side * width), 0.07 + 0.05 * white, steps=20)
                    canvas.fill(wing, (240, 244, 246), 0.7 * white, blur=0.035)
            if cut > 0.0:
                lips = ring(
                    (0, 0), 0.95, start=angle - width * cut, sweep=2 * width * cut, steps=12
                )
                canvas.line(lips, (96, 52, 48), 0.014, 0.75)
                canvas.line(lips * 0.9, (225, 228, 230), 0.012, 0.4)
                canvas.disc(polar(1.0, angle + width * 0.8), 0.035, (176, 34, 34), 0.4 * cut,
                            blur=0.02)  # fmt: skip
