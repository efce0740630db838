"""Draw a planned video frame by frame, and encode it with its sound."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from demo.drawing.canvas import Canvas, Pixels
from demo.drawing.eye import EyePainter
from demo.drawing.hands import poses
from demo.drawing.instruments import draw
from demo.drawing.look import DRAWN_HEIGHT, DRAWN_WIDTH, HEIGHT, WIDTH, Look
from demo.drawing.makeup import MakeupPainter
from demo.phases import advance
from demo.plan import Step, VideoKind, VideoPlan

FPS = 8
SAMPLE_RATE = 22050
QUALITY = "27"
"""x264's constant rate factor."""

Samples = NDArray[np.int16]


class Camera:
    """Turns drawings into frames of a microscope's camera: light, lens, noise and the label "SIMULATED"."""

    def __init__(self, look: Look, noise_seed: int) -> None:
        self._look = look
        self._noise = np.random.default_rng(noise_seed)
        x, y = np.meshgrid(np.linspace(-1, 1, WIDTH), np.linspace(-0.75, 0.75, HEIGHT))
        fall = 1 - look.vignette * np.clip(x**2 + y**2 - 0.25, 0, 1) ** 1.2
        self._shading = (fall[..., None] * np.array(look.gains) * look.light).astype(np.float32)

    def record(self, drawn: Pixels, time_s: float) -> Pixels:
        """Record one frame (HEIGHT, WIDTH, 3) of a larger drawing."""
        small = cv2.resize(drawn, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        if self._look.blur > 0.3:
            small = cv2.GaussianBlur(small, (0, 0), self._look.blur)
        flicker = 1 + self._look.flicker * math.sin(2.1 * time_s)
        light = small.astype(np.float32) * self._shading * np.float32(flicker)
        grain = self._noise.normal(0, self._look.noise, (HEIGHT // 2, WIDTH // 2, 1))
        light += cv2.resize(grain.astype(np.float32), (WIDTH, HEIGHT))[..., None]
        frame: Pixels = np.clip(light, 0, 255).astype(np.uint8)
        _label_simulated(frame, self._look.mark)
        return frame


def frames(plan: VideoPlan) -> Iterator[Pixels]:
    """Yield all frames of a video, (HEIGHT, WIDTH, 3), RGB, `FPS` per second."""
    camera = Camera(plan.look, plan.rng("noise").randrange(2**31))
    count = round(plan.duration_s * FPS)
    if plan.kind is VideoKind.OTHER:
        face = MakeupPainter(plan.look, plan.rng("makeup"))
        for i in range(count):
            drawn = face.draw(i / FPS, plan.duration_s)
            yield camera.record(drawn, i / FPS)
        return
    painter = EyePainter(plan.look)
    for i in range(count):
        yield camera.record(surgery_frame(plan, painter, i / FPS), i / FPS)


def surgery_frame(plan: VideoPlan, painter: EyePainter, time_s: float) -> Pixels:
    """Draw one moment of an operation, (DRAWN_HEIGHT, DRAWN_WIDTH, 3)."""
    step = _step_at(plan, time_s)
    canvas = Canvas(
        np.empty((DRAWN_HEIGHT, DRAWN_WIDTH, 3), np.uint8),
        plan.look.view(time_s, step.jump),
    )
    if step.phase is None:
        painter.draw(canvas, step.before, time_s)
        painter.gloss(canvas, time_s)
        return canvas.pixels
    elapsed_s = time_s - step.start_s
    state = advance(step.before, step.phase, step.part, plan.look, elapsed_s / step.length_s)
    painter.draw(canvas, state, time_s)
    for pose in poses(step.phase, step.part, plan.look, state, elapsed_s, step.length_s):
        draw(canvas, pose, plan.look)
    painter.gloss(canvas, time_s)
    return canvas.pixels


def encode(path: Path, images: Iterator[Pixels], sound: Samples | None) -> None:
    """Write an MP4 file: H.264 video, and mono AAC at `SAMPLE_RATE` where there is sound."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        # One thread and no macroblock tree: with either left on, x264's bytes vary from run to run.
        video.options = {
            "crf": QUALITY,
            "preset": "medium",
            "threads": "1",
            "mbtree": "0",
            "g": str(FPS * 4),
        }
        audio = None
        if sound is not None:
            audio = container.add_stream("aac", rate=SAMPLE_RATE)
            audio.layout = "mono"
            audio.bit_rate = 32_000
        for image in images:
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None and sound is not None:
            for start in range(0, len(sound), 1024):
                block = np.ascontiguousarray(sound[None, start : start + 1024])
                chunk = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
                chunk.sample_rate = SAMPLE_RATE
                chunk.pts = start
                chunk.time_base = Fraction(1, SAMPLE_RATE)
                container.mux(audio.encode(chunk))
            container.mux(audio.encode(None))


def _step_at(plan: VideoPlan, time_s: float) -> Step:
    return next((step for step in plan.steps if time_s < step.end_s), plan.steps[-1])


def _label_simulated(frame: Pixels, corner: int) -> None:
    """Draw the small label that distinguishes these frames from real ones."""
    text, font, size = "SIMULATED", cv2.FONT_HERSHEY_SIMPLEX, 0.32
    (width, height), _ = cv2.getTextSize(text, font, size, 1)
    x = 5 if corner % 2 else WIDTH - width - 5
    y = height + 5 if corner // 2 else HEIGHT - 6
    cv2.putText(frame, text, (x + 1, y + 1), font, size, (20, 20, 20), 1, cv2.LINE_AA)
    cv2.putText(frame, text, (x, y), font, size, (238, 238, 238), 1, cv2.LINE_AA)
