"""Word times come out in order, whatever the recogniser says."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ophvl.backends.words import tidy_words, untimed_words
from ophvl.ports import Word


def word(text: str, start_s: float, end_s: float) -> Word:
    return Word(word=text, start_s=start_s, end_s=end_s, probability=0.9, interpolated=False)


def times(words: tuple[Word, ...]) -> list[tuple[float, float, bool]]:
    return [(round(w.start_s, 3), round(w.end_s, 3), w.interpolated) for w in words]


def test_good_words_stay_as_they_are() -> None:
    words = [word("we", 1.0, 1.2), word("begin", 1.2, 1.6), word("here", 2.0, 2.4)]
    assert tidy_words(words, 1.0, 2.4) == tuple(words)


def test_a_word_without_duration_shares_the_time_of_the_one_before() -> None:
    words = [word("two", 1.0, 1.9), word("mm", 1.9, 1.9), word("wide", 2.0, 2.4)]
    assert times(tidy_words(words, 1.0, 2.4)) == [
        (1.0, 1.54, False),
        (1.54, 1.9, True),
        (2.0, 2.4, False),
    ]


def test_leading_words_without_duration_share_the_time_of_the_first_good_one() -> None:
    words = [word("a", 1.0, 1.0), word("b", 1.0, 1.0), word("cd", 1.0, 1.4)]
    assert times(tidy_words(words, 1.0, 1.4)) == [
        (1.0, 1.1, True),
        (1.1, 1.2, True),
        (1.2, 1.4, False),
    ]


def test_words_that_overlap_or_run_backwards_are_put_in_order() -> None:
    words = [word("a", 1.0, 2.0), word("b", 1.5, 2.5), word("c", 0.5, 0.9), word("d", 2.4, 3.0)]
    tidy = tidy_words(words, 1.0, 3.0)
    assert all(w.start_s < w.end_s for w in tidy)
    assert all(a.end_s <= b.start_s for a, b in pairwise(tidy))
    assert [w.interpolated for w in tidy] == [False, False, True, False]


@pytest.mark.parametrize("end_s", [5.0, 1.0])
def test_words_without_any_time_are_spread_over_the_segment(end_s: float) -> None:
    tidy = tidy_words(untimed_words("the lens is in the bag", 1.0), 1.0, end_s)
    assert len(tidy) == 6
    assert tidy[0].start_s == 1.0
    assert all(w.interpolated and w.start_s < w.end_s for w in tidy)
    assert tidy[-1].end_s == pytest.approx(max(end_s, 1.12))
