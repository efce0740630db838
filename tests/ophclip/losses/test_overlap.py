"""Clips that share time are no negatives of each other; all other clips of a video are."""

from __future__ import annotations

import math

import pytest
import torch

from ophclip.losses.contrastive import info_nce, multi_positive, overlapping, same_text

SCALE = torch.tensor(5.0)


@pytest.mark.parametrize(
    ("other", "shares_time"),
    [
        ((10.0, 20.0), True),  # the same span
        ((12.0, 15.0), True),  # inside
        ((0.0, 30.0), True),  # around
        ((0.0, 10.001), True),
        ((19.999, 30.0), True),
        ((0.0, 10.0), False),  # half-open: they only touch
        ((20.0, 30.0), False),
        ((0.0, 5.0), False),
        ((25.0, 30.0), False),
    ],
)
def test_spans_of_one_video_overlap_where_they_share_time(
    other: tuple[float, float], shares_time: bool
) -> None:
    starts, ends = zip((10.0, 20.0), other, strict=True)
    assert overlapping(["v", "v"], starts, ends).tolist() == [
        [True, shares_time],
        [shares_time, True],
    ]
    assert overlapping(["v", "w"], starts, ends).tolist() == [[True, False], [False, True]]


def test_times_late_in_a_long_video_are_told_apart() -> None:
    start_s = 100_000.0
    assert not overlapping(["v", "v"], [start_s, start_s + 0.001], [start_s + 0.001, 2e5])[0, 1]


# Clip 1 overlaps clip 0; clip 2 touches it; clip 3 shows the same seconds of another video.
OVERLAP = overlapping(["a", "a", "a", "b"], [0.0, 4.0, 5.0, 0.0], [5.0, 8.0, 9.0, 5.0])
ONES = torch.eye(4)


def test_a_clip_is_not_pushed_from_those_that_it_overlaps_but_from_all_others() -> None:
    """One clip's text is moved onto that of clip 0: only a negative makes clip 0 cost more."""

    def first(texts: torch.Tensor) -> float:
        weights = torch.tensor([1.0, 0.0, 0.0, 0.0])
        return float(info_nce(ONES, texts, SCALE, neutral_mask=OVERLAP, weights=weights))

    for other, is_negative in ((1, False), (2, True), (3, True)):
        texts = ONES.clone()
        texts[other] = texts[0]
        assert (first(texts) > first(ONES) + 0.1) is is_negative


def test_overlapping_candidates_cost_nothing_in_the_form_with_several_positives() -> None:
    positives = torch.eye(4, dtype=torch.bool)
    texts = ONES.clone()
    texts[1] = texts[0]
    first = torch.tensor([1.0, 0.0, 0.0, 0.0])

    def loss(candidates: torch.Tensor) -> float:
        return float(
            multi_positive(ONES, candidates, positives, SCALE, neutral_mask=OVERLAP, weights=first)
        )

    assert loss(texts) == pytest.approx(loss(ONES))
    texts[3] = texts[0]
    assert loss(texts) > loss(ONES) + 0.1


def test_a_video_cut_into_clips_that_all_overlap_costs_nothing_by_itself() -> None:
    shared = overlapping(["v"] * 3, [0.0, 1.0, 2.0], [10.0, 11.0, 12.0])
    ones = torch.eye(3)
    assert float(info_nce(ones, ones, SCALE, neutral_mask=shared)) == 0.0
    alone = overlapping(["v"] * 3, [0.0, 10.0, 20.0], [10.0, 20.0, 30.0])
    expected = math.log(math.exp(5.0) + 2.0) - 5.0
    assert float(info_nce(ones, ones, SCALE, neutral_mask=alone)) == pytest.approx(expected)


def test_equal_texts_are_masked_together_with_shared_time() -> None:
    ignored = OVERLAP | same_text(["One.", "Two.", "Three.", "one."])
    assert ignored[0].tolist() == [True, True, False, True]
    assert torch.equal(ignored, ignored.T)
