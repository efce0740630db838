from __future__ import annotations

import pytest

from demo.phases import Instrument, Phase
from demo.plan import LEAD_S, Sound, VideoKind, fit_to_speech, make_plan
from demo.titles import make_sidecar


def test_plan_follows_from_seed_kind_and_index() -> None:
    assert make_plan(7, VideoKind.NARRATED, 2) == make_plan(7, VideoKind.NARRATED, 2)
    assert make_plan(7, VideoKind.NARRATED, 2) != make_plan(8, VideoKind.NARRATED, 2)
    assert make_plan(7, VideoKind.NARRATED, 2).look != make_plan(7, VideoKind.SILENT, 2).look


@pytest.mark.parametrize("seed", range(20))
def test_steps_are_gapless_and_phases_last_three_to_twelve_seconds(seed: int) -> None:
    plan = make_plan(seed, VideoKind.SILENT, 0)
    ends = [0.0] + [step.end_s for step in plan.steps]
    assert [step.start_s for step in plan.steps] == ends[:-1]
    assert all(3.0 <= s.length_s <= 12.0 for s in plan.steps if s.phase is not None)


def test_every_phase_is_common_and_none_rules() -> None:
    seconds = dict.fromkeys(Phase, 0.0)
    for index in range(40):
        for step in make_plan(3, VideoKind.SILENT, index).steps:
            if step.phase is not None:
                seconds[step.phase] += step.length_s
    total = sum(seconds.values())
    assert all(0.06 < value / total < 0.25 for value in seconds.values())


def test_speech_starts_and_ends_inside_its_phase() -> None:
    plan = make_plan(7, VideoKind.NARRATED, 0)
    spoken_s = [6.3 if step.line else 0.0 for step in plan.steps]
    fitted = fit_to_speech(plan, spoken_s)
    for step, length in zip(fitted.steps, spoken_s, strict=True):
        if step.line:
            assert step.start_s < step.start_s + LEAD_S + length < step.end_s
    assert fitted.duration_s > plan.duration_s


@pytest.mark.parametrize("index", range(5))
def test_narrated_videos_speak_six_to_ten_sentences(index: int) -> None:
    plan = make_plan(7, VideoKind.NARRATED, index)
    assert 6 <= sum(bool(step.line) for step in plan.steps) <= 10


def test_no_line_is_spoken_twice_in_the_corpus() -> None:
    lines = [s.line for i in range(5) for s in make_plan(7, VideoKind.NARRATED, i).steps if s.line]
    assert len(lines) == len(set(lines))


def test_instruments_stay_inside_their_phases() -> None:
    plan = make_plan(5, VideoKind.SILENT, 1)
    spans = [(step.start_s, step.end_s) for step in plan.steps if step.phase is not None]
    assert plan.instruments()
    for span in plan.instruments():
        assert span.start_s < span.end_s
        assert any(a <= span.start_s and span.end_s <= b + 1e-9 for a, b in spans)


def test_irrigation_handpiece_is_used_in_bimanual_cases_only() -> None:
    plans = [make_plan(1, VideoKind.SILENT, i) for i in range(20)]
    seen = [
        p for p in plans if Instrument.IRRIGATION_TIP in {s.instrument for s in p.instruments()}
    ]
    assert seen
    assert all(plan.look.bimanual for plan in seen)


def test_silent_videos_have_no_sound_or_a_hum() -> None:
    sounds = {make_plan(7, VideoKind.SILENT, i).sound for i in range(5)}
    assert sounds == {Sound.NONE, Sound.HUM}


def test_sidecar_says_simulated_and_the_tutorial_names_itself() -> None:
    for kind in VideoKind:
        assert "SIMULATED" in make_sidecar(make_plan(7, kind, 0)).description
    assert "makeup" in make_sidecar(make_plan(7, VideoKind.OTHER, 0)).title.lower()


def test_titles_of_the_corpus_differ() -> None:
    kinds = [VideoKind.NARRATED] * 5 + [VideoKind.SILENT] * 5
    titles = [make_sidecar(make_plan(7, kind, i % 5)).title for i, kind in enumerate(kinds)]
    assert len(set(titles)) == len(titles)
