"""Figures against hand computation and loops."""

from __future__ import annotations

import random

import pytest
import torch

from ophclip.evaluation import metrics
from ophclip.evaluation.metrics import average_precision, macro_f1, score

TWO_VIDEOS = torch.tensor(
    [
        [[3, 1, 0], [0, 2, 0], [0, 0, 0]],
        [[0, 0, 2], [0, 4, 0], [0, 0, 0]],
    ]
)
"""[video, truth, prediction]"""


def test_figures_by_hand():
    scores = score(TWO_VIDEOS)
    # All frames together: 9 of 12 right. F1: class 0 6/(6+3), class 1 12/(7+6), class 2 0.
    assert scores.accuracy_pooled.value == pytest.approx(9 / 12)
    assert scores.macro_f1_pooled.value == pytest.approx((6 / 9 + 12 / 13 + 0) / 3)
    # Video 1: 5 of 6, F1 6/7 and 4/5. Video 2: 4 of 6, F1 0 (class 0), 1 and 0 (class 2).
    assert scores.accuracy_per_video.value == pytest.approx((5 / 6 + 4 / 6) / 2)
    assert scores.macro_f1_per_video.value == pytest.approx(((6 / 7 + 4 / 5) / 2 + 1 / 3) / 2)
    assert scores.majority == pytest.approx(6 / 12)
    assert scores.chance == pytest.approx(1 / 3)
    assert scores.frames == 12
    assert scores.confusion == ((3, 1, 2), (0, 6, 0), (0, 0, 0))


def test_classes_that_occur_nowhere_do_not_count():
    confusion = torch.tensor([[2, 0, 0], [0, 0, 0], [0, 0, 0]])
    assert float(macro_f1(confusion)) == 1.0


def test_intervals_by_video():
    scores = score(TWO_VIDEOS)
    # Two videos can only be drawn as (1, 1), (1, 2), (2, 2): the interval spans both extremes.
    assert scores.accuracy_pooled.low == pytest.approx(4 / 6)
    assert scores.accuracy_pooled.high == pytest.approx(5 / 6)
    assert score(TWO_VIDEOS) == scores


def test_an_interval_leaves_out_a_fortieth_of_the_replicates_on_either_side():
    replicates = torch.arange(1001, dtype=torch.float64).flip(0)
    estimate = metrics._estimate(torch.tensor(7.0), replicates)
    assert (estimate.value, estimate.low, estimate.high) == (7.0, 25.0, 975.0)


def test_one_video_has_an_interval_without_width():
    estimate = score(TWO_VIDEOS[:1]).accuracy_pooled
    assert estimate.low == estimate.value == estimate.high


def test_videos_without_frames_do_not_count():
    padded = torch.cat([TWO_VIDEOS, torch.zeros(3, 3, 3, dtype=torch.int64)])
    assert score(padded) == score(TWO_VIDEOS)


def slow_average_precision(scores: list[float], shown: list[bool]) -> float:
    """By the definition: the gain in recall at each threshold times the precision there."""
    total, before = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        taken = [there for score, there in zip(scores, shown, strict=True) if score >= threshold]
        recall = sum(taken) / sum(shown)
        total += (recall - before) * sum(taken) / len(taken)
        before = recall
    return total


def test_average_precision_agrees_with_the_slow_reference() -> None:
    dice = random.Random(5)
    for _ in range(300):
        count = dice.randint(1, 12)
        scores = [float(dice.randint(0, 6)) for _ in range(count)]  # so that there are ties
        shown = [dice.random() < 0.4 for _ in range(count)]
        shown[dice.randrange(count)] = True
        assert average_precision(scores, shown) == pytest.approx(
            slow_average_precision(scores, shown)
        )


def test_a_constant_score_gives_the_share_of_shown_frames() -> None:
    assert average_precision([0.3] * 8, [True, False] * 4) == 0.5


def test_the_best_and_the_worst_order() -> None:
    assert average_precision([3.0, 2.0, 1.0], [True, True, False]) == 1.0
    assert average_precision([3.0, 2.0, 1.0], [False, False, True]) == pytest.approx(1 / 3)
