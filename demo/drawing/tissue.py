"""Textures of the tissues that surgery does not change: drawn once per video, warped into each frame.

Textures are square, uint8, centred on the cornea, with `PER_UNIT` pixels per corneal radius.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from demo.drawing.canvas import Canvas, Pixels, View, dark, light, polar
from demo.drawing.look import Look

PER_UNIT = 150.0
"""Pixels of a texture for each corneal radius."""

FIELD = 3.2
"""Half the side of the large texture, in corneal radii."""


def outside_texture(look: Look, rng: np.random.Generator) -> Pixels:
    """Draw skin, drape, speculum, conjunctiva with vessels, limbus and iris: (side, side, 3)."""
    side = int(2 * FIELD * PER_UNIT)
    axis = (np.arange(side) - side / 2) / PER_UNIT
    x, y = np.meshgrid(axis, axis)
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    image = np.empty((side, side, 3), np.float32)
    patches = _clouds(rng, side, 60)
    image[:] = look.sclera
    image += patches[..., None] * np.array([3.0, 8.0, 8.0], np.float32)
    _vessels(image, look, rng)
    lid = np.clip(((x / 2.1) ** 2 + (y / 1.62) ** 2 - 1.0) * 5.0, 0, 1)[..., None]
    image *= 1 - 0.3 * np.clip(lid * 2, 0, 1)
    image += (np.array(look.skin) * 0.92 + 7 * patches[..., None] - image) * lid
    cover = np.clip(((x / 2.5) ** 4 + (y / 2.0) ** 4 - 1.0) * 3.0, 0, 1)[..., None]
    image += (np.array(look.drape) + 10 * _clouds(rng, side, 25)[..., None] - image) * cover
    _iris(image, look, rng, radius, angle)
    texture = np.clip(image, 0, 255).astype(np.uint8)
    _speculum(texture, look)
    return texture


def _iris(
    image: NDArray[np.float32],
    look: Look,
    rng: np.random.Generator,
    radius: NDArray[np.float64],
    angle: NDArray[np.float64],
) -> None:
    fibres = cv2.GaussianBlur(rng.normal(0, 1, (64, 720)).astype(np.float32), (0, 0), 1.2)
    column = ((angle + math.pi) / math.tau * 719).astype(np.float32)
    row = (np.clip(radius, 0, 1) * 12).astype(np.float32)
    grain = cv2.remap(fibres, column, row, cv2.INTER_LINEAR)[..., None]
    light, dark = np.array(look.iris[0], np.float32), np.array(look.iris[1], np.float32)
    share = np.clip((radius - 0.5) / 0.5, 0, 1)[..., None]
    iris = light + (dark - light) * share + grain * 34.0
    collarette = np.exp(-(((radius - 0.72) / 0.05) ** 2))[..., None]
    iris = iris + collarette * 14.0
    inside = np.clip((0.97 - radius) / 0.07, 0, 1)[..., None]
    limbus = np.exp(-(((radius - 0.98) / 0.07) ** 2))[..., None]
    image += (np.array((128, 126, 132), np.float32) - image) * limbus * 0.6
    image += (iris - image) * inside


def _vessels(image: NDArray[np.float32], look: Look, rng: np.random.Generator) -> None:
    """Draw branching vessels that run towards the limbus."""
    layer = np.zeros(image.shape[:2], np.uint8)
    middle = image.shape[0] / 2
    for _ in range(2 * look.vessels):
        angle = rng.uniform(0, math.tau)
        heading = angle + math.pi + rng.normal(0, 0.4)
        reach = rng.uniform(1.5, 2.4)
        point = np.array(polar(reach, angle))
        path = [point]
        while np.hypot(*path[-1]) > 1.04 and len(path) < 60:
            heading += rng.normal(0, 0.28)
            point = point + 0.035 * np.array([math.cos(heading), math.sin(heading)])
            path.append(point)
        pixels = np.rint((np.array(path) * PER_UNIT + middle) * 16).astype(np.int32)
        strength = int(rng.uniform(40, 150))
        middle_of_path = len(pixels) // 2
        for line, thick in ((pixels[: middle_of_path + 1], int(rng.integers(1, 4))), (pixels, 1)):
            cv2.polylines(layer, [line], False, strength, thick, cv2.LINE_AA, 4)
    share = cv2.GaussianBlur(layer, (0, 0), 0.9)[..., None] / np.float32(255)
    image += (np.array((176, 44, 48), np.float32) - image) * share


def _speculum(texture: Pixels, look: Look) -> None:
    view_canvas = Canvas(texture, _texture_view(texture))
    for side in (-1.0, 1.0):
        for height in (-1.0, 1.0):
            wire = [
                (side * 2.9, height * 0.5), (side * 2.0, height * 0.75),
                (side * 1.5, height * 1.28), (side * 0.9, height * 1.5),
            ]  # fmt: skip
            view_canvas.line(wire, (30, 24, 24), 0.12, 0.4, blur=0.03)
            view_canvas.line(wire, dark(look.metal, 0.8), 0.075)
            view_canvas.line(wire, light(look.metal, 0.7), 0.02)


def reflex_texture(look: Look, rng: np.random.Generator) -> Pixels:
    """Draw the red reflex of the fundus, darker towards its rim: (side, side, 3)."""
    side = int(2.2 * PER_UNIT)
    axis = (np.arange(side) - side / 2) / PER_UNIT
    x, y = np.meshgrid(axis - rng.uniform(-0.15, 0.15), axis - rng.uniform(-0.15, 0.15))
    fall = np.exp(-(x**2 + y**2) / 0.75)[..., None]
    image = np.array(look.reflex, np.float32) * (0.42 + 0.62 * fall)
    image = image + _clouds(rng, side, 30)[..., None] * 5
    texture: Pixels = np.clip(image, 0, 255).astype(np.uint8)
    return texture


def cataract_texture(look: Look, rng: np.random.Generator) -> Pixels:
    """Draw the cloudy lens as RGBA: (side, side, 4)."""
    side = int(2.2 * PER_UNIT)
    axis = (np.arange(side) - side / 2) / PER_UNIT
    x, y = np.meshgrid(axis, axis)
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    nucleus = 1 / (1 + np.exp((radius - 0.52) * 22))
    spokes = np.zeros_like(radius)
    for _ in range(int(rng.integers(7, 16))):
        at, wide, tip = rng.uniform(0, math.tau), rng.uniform(0.03, 0.1), rng.uniform(0.1, 0.5)
        away = np.abs((angle - at + math.pi) % math.tau - math.pi)
        spokes = np.maximum(
            spokes, np.exp(-((away / wide) ** 2)) * np.clip(radius - tip, 0, 0.3) / 0.3
        )
    grain = _clouds(rng, side, 14)
    colour = np.array(look.cataract, np.float32)
    shade = (0.82 + 0.18 * np.clip(radius / 0.6, 0, 1))[..., None]
    image = colour * shade + grain[..., None] * 7 + spokes[..., None] * 16
    alpha = look.density * (0.35 + 0.65 * nucleus) + 0.3 * spokes + 0.03 * grain
    alpha = np.clip(alpha, 0, 0.97) * 255
    return np.dstack([np.clip(image, 0, 255), alpha]).astype(np.uint8)


def _clouds(rng: np.random.Generator, side: int, grain_px: int) -> NDArray[np.float32]:
    """Draw smooth noise of about unit variance: (side, side)."""
    cells = max(4, side // grain_px)
    coarse = rng.normal(0, 1, (cells, cells)).astype(np.float32)
    smooth = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.asarray(smooth, np.float32)


def _texture_view(texture: Pixels) -> View:
    half = texture.shape[0] / 2
    return View(centre=(half, half), scale=PER_UNIT, roll=0.0)
