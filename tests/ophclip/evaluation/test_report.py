"""The table of an evaluation, line by line."""

from __future__ import annotations

from dataclasses import replace

from ophclip.evaluation.metrics import Estimate, Scores
from ophclip.evaluation.report import format_table
from ophclip.evaluation.zero_shot import ZeroShotResult


def estimate(value: float) -> Estimate:
    return Estimate(value=value, low=value - 0.1, high=value + 0.1)


RESULT = ZeroShotResult(
    classes=("incision", "rhexis", "idle"),
    scores=Scores(
        accuracy_pooled=estimate(0.5),
        macro_f1_pooled=estimate(0.4),
        accuracy_per_video=estimate(0.6),
        macro_f1_per_video=estimate(0.3),
        chance=1 / 3,
        majority=0.625,
        frames=8,
        confusion=((3, 0, 2), (1, 1, 1), (0, 0, 0)),
    ),
    videos=("a", "b"),
    trained_on=(),
    without_pixels=(),
    frames_without_label=0,
    frames_with_two_labels=0,
)


def test_the_table_of_an_evaluation() -> None:
    assert format_table(RESULT).split("\n") == [
        "zero-shot phase: 8 frames of 2 videos, 3 classes (95 % intervals by video)",
        "  accuracy, pooled      0.500  [0.400, 0.600]",
        "  accuracy, per video   0.600  [0.500, 0.700]",
        "  macro-F1, pooled      0.400  [0.300, 0.500]",
        "  macro-F1, per video   0.300  [0.200, 0.400]",
        "  chance 0.333, always the most frequent class 0.625",
        "  truth     frames  right  most often predicted as",
        "  incision       5   0.60  idle (2)",
        "  rhexis         3   0.33  incision (1)",
        "  idle           0      -  -",
    ]


def test_what_was_left_out_is_told() -> None:
    result = replace(RESULT, trained_on=("c",), without_pixels=("d", "e"))
    lines = format_table(result).split("\n")
    assert "  left out, the model was trained on them: c" in lines
    assert "  left out, no video row in these shards: d, e" in lines
    for without, two in ((4, 0), (0, 5), (4, 5)):
        result = replace(RESULT, frames_without_label=without, frames_with_two_labels=two)
        told = f"  frames left out: {without} without a label, {two} with more than one class"
        assert told in format_table(result).split("\n")
