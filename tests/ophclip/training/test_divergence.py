"""A run that learns nothing any more is stopped with a reason."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import pytest

from ophclip.data.shards import Sample
from ophclip.errors import TrainingError
from ophclip.training.divergence import WINDOW, DivergenceCheck
from schemas.vocab import Level


def test_a_loss_that_is_not_finite_is_named() -> None:
    with pytest.raises(TrainingError, match=r"step 7 \(clip level: clip nan"):
        DivergenceCheck(0).check(7, Level.CLIP, {"clip": math.nan}, [])


def test_a_further_term_that_is_not_finite_stops_the_run_as_well() -> None:
    with pytest.raises(TrainingError, match=r"clip 1, carry inf"):
        DivergenceCheck(0).check(7, Level.CLIP, {"clip": 1.0, "carry": math.inf}, [])


def test_a_loss_far_above_guessing_stops_the_run_and_a_single_high_step_does_not() -> None:
    watch = DivergenceCheck(3.0)
    for step in range(WINDOW - 1):
        watch.check(step, Level.CLIP, {"clip": 100.0 if step == 3 else 1.0}, [])
    for step in range(WINDOW - 1):
        watch.check(step, Level.VIDEO, {"video": 9.0}, [])
    with pytest.raises(TrainingError, match=r"diverged.*13\.0 times that of guessing"):
        watch.check(99, Level.VIDEO, {"video": 9.0, "retrieval": 1.0}, [])


def test_it_can_be_switched_off() -> None:
    watch = DivergenceCheck(0)
    for step in range(2 * WINDOW):
        watch.check(step, Level.CLIP, {"clip": 1e6}, [])


def sample(pair_id: str) -> Sample:
    """Return a row whose other columns do not matter here."""
    values: dict[str, Any] = {field.name: None for field in fields(Sample)}
    return Sample(**values | {"pair_id": pair_id})


def test_guessing_among_more_pairs_costs_more() -> None:
    rows = [sample(f"p{n}") for n in range(16)]
    watch = DivergenceCheck(3.0)
    for step in range(2 * WINDOW):
        watch.check(step, Level.CLIP, {"clip": 2.9 * math.log(16)}, rows)
    few = DivergenceCheck(3.0)
    for step in range(WINDOW - 1):
        few.check(step, Level.CLIP, {"clip": 2.9 * math.log(16)}, rows[:4])
    with pytest.raises(TrainingError, match=r"diverged"):
        few.check(WINDOW, Level.CLIP, {"clip": 2.9 * math.log(16)}, rows[:4])
