"""Generate sounds without a spoken word: music, an operating room, digital silence.

In: a length in seconds and a seed. Out: mono float32 samples at `RATE`, shape (n,), in [-1, 1].
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float32]
Curve = NDArray[np.float64]

RATE = 44_100

_CHORDS = ((0, 4, 7, 11), (9, 12, 16, 19), (5, 9, 12, 16), (7, 11, 14, 17), (2, 5, 9, 12))
"""Semitones over the root: the chords of background music."""
_SCALE = (0, 2, 4, 5, 7, 9, 11, 12)
_VOWELS = ((700, 1220, 2600), (450, 800, 2830), (300, 2200, 3000), (500, 1800, 2500))
"""Formants in Hz: a choir sings a melody on vowels."""


def music(seconds: float, seed: int) -> Sound:
    """Generate background music of 30 s pieces: chords, bass, drums, a melody played or sung on vowels."""
    rng = np.random.default_rng(seed)
    piece_s = 30.0
    pieces = [_piece(piece_s, rng) for _ in range(math.ceil(seconds / piece_s))]
    return _loud(np.concatenate(pieces)[: round(seconds * RATE)], 0.4)


def operating_room(seconds: float, seed: int) -> Sound:
    """Generate mains hum, the hiss of suction, the beeps of a monitor, and sometimes a clatter."""
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE)
    times = np.arange(count) / RATE
    sound = sum(0.05 / n * np.sin(math.tau * 50 * n * times) for n in (1, 2, 3, 5))
    hiss = _smooth(rng.normal(0, 1, count), 6)
    sound = sound + 0.04 * hiss * (1 + np.sin(math.tau * times / 23 + rng.uniform(0, 6)))
    for start_s in np.arange(0.0, seconds - 1, 60 / rng.uniform(65, 85)):
        _add(sound, start_s, 0.05 * _tone(880, 0.09))
    for start_s in rng.uniform(0, seconds - 1, round(seconds / 12)):
        ring = _tone(rng.uniform(1500, 5000), 0.2) * _decay(0.2, 25)
        _add(sound, start_s, 0.2 * ring * rng.uniform(0.3, 1))
    return _loud(sound, 0.2)


def silence(seconds: float) -> Sound:
    """Generate digital silence."""
    return np.zeros(round(seconds * RATE), np.float32)


def _piece(seconds: float, rng: np.random.Generator) -> Curve:
    beat_s = 60 / rng.uniform(70, 130)
    root = 110 * 2 ** (rng.integers(0, 12) / 12)
    richness = int(rng.integers(3, 9))
    sound = np.zeros(round(seconds * RATE))
    chords = rng.permutation(len(_CHORDS))
    sung = rng.random() < 0.5
    for beat in range(int(seconds / beat_s)):
        start_s = beat * beat_s
        chord = _CHORDS[chords[beat // 4 % len(chords)]]
        if beat % 4 == 0:
            for note in chord:
                pad = _note(root * 2 ** (note / 12), 4 * beat_s, richness)
                _add(sound, start_s, 0.10 * pad)
        _add(sound, start_s, 0.2 * _note(root / 2 * 2 ** (chord[0] / 12), beat_s, 3))
        _add(sound, start_s, 0.3 * _tone(55, 0.15) * _decay(0.15, 20))
        if beat % 2:
            _add(sound, start_s, 0.12 * rng.normal(0, 1, round(0.12 * RATE)) * _decay(0.12, 30))
        for half in (0.0, 0.5):
            tick = _high(rng.normal(0, 1, round(0.05 * RATE))) * _decay(0.05, 80)
            _add(sound, start_s + half * beat_s, 0.05 * tick)
        if rng.random() < 0.8:
            pitch = root * 2 ** (1 + int(rng.choice(_SCALE)) / 12)
            length_s = beat_s * float(rng.choice([0.5, 1.0, 2.0]))
            vowel = _VOWELS[rng.integers(len(_VOWELS))] if sung else None
            _add(sound, start_s, 0.14 * _note(pitch, length_s, richness, vowel))
    return sound


def _note(
    pitch: float, seconds: float, partials: int, vowel: tuple[int, int, int] | None = None
) -> Curve:
    """Generate a tone with vibrato; its partials fall off, or follow the formants of a vowel."""
    times = np.arange(round(seconds * RATE)) / RATE
    vibrato = 0.006 if vowel else 0.002
    phase = math.tau * pitch * (times + vibrato * np.sin(math.tau * 5.5 * times) / (math.tau * 5.5))
    tone = np.zeros(len(times))
    for n in range(1, (24 if vowel else partials) + 1):
        shaped = 4 * sum(1 / (1 + ((n * pitch - f) / 90) ** 2) for f in vowel) if vowel else 1.0
        tone += shaped * np.sin(n * phase) / n
    edges = np.clip(np.minimum(times / 0.02, (seconds - times) / 0.05), 0, 1)
    return tone * edges * np.exp(-times / (0.8 * seconds))


def _tone(pitch: float, seconds: float) -> Curve:
    return np.sin(math.tau * pitch * np.arange(round(seconds * RATE)) / RATE)


def _decay(seconds: float, rate: float) -> Curve:
    return np.exp(-rate * np.arange(round(seconds * RATE)) / RATE)


def _smooth(noise: Curve, width: int) -> Curve:
    return np.convolve(noise, np.ones(width) / width, mode="same")


def _high(noise: Curve) -> Curve:
    return np.diff(noise, prepend=0.0)


def _add(sound: Curve, start_s: float, part: Curve) -> None:
    start = round(start_s * RATE)
    part = part[: max(0, len(sound) - start)]
    sound[start : start + len(part)] += part


def _loud(sound: Curve, peak: float) -> Sound:
    return (sound * (peak / np.abs(sound).max())).astype(np.float32)
