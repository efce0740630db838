"""Word times come out in order, whatever the recogniser says."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ophvl.ports import Word
from ophvl.speech.word_times import align_words, repair_times


def word(text: str, start_s: float, end_s: float) -> Word:
    return Word(word=text, start_s=start_s, end_s=end_s, probability=0.9, interpolated=False)


def times(words: tuple[Word, ...]) -> list[tuple[float, float, bool]]:
    return [(round(w.start_s, 3), round(w.end_s, 3), w.interpolated) for w in words]


def test_good_words_stay_as_they_are() -> None:
    words = [word("we", 1.0, 1.2), word("begin", 1.2, 1.6), word("here", 2.0, 2.4)]
    assert repair_times(words, 1.0, 2.4) == tuple(words)


def test_a_word_without_duration_shares_the_time_of_the_one_before() -> None:
    words = [word("two", 1.0, 1.9), word("mm", 1.9, 1.9), word("wide", 2.0, 2.4)]
    assert times(repair_times(words, 1.0, 2.4)) == [
        (1.0, 1.54, False),
        (1.54, 1.9, True),
        (2.0, 2.4, False),
    ]


def test_leading_words_without_duration_share_the_time_of_the_first_good_one() -> None:
    words = [word("a", 1.0, 1.0), word("b", 1.0, 1.0), word("cd", 1.0, 1.4)]
    assert times(repair_times(words, 1.0, 1.4)) == [
        (1.0, 1.1, True),
        (1.1, 1.2, True),
        (1.2, 1.4, False),
    ]


def test_words_that_overlap_or_run_backwards_are_put_in_order() -> None:
    words = [word("a", 1.0, 2.0), word("b", 1.5, 2.5), word("c", 0.5, 0.9), word("d", 2.4, 3.0)]
    repaired = repair_times(words, 1.0, 3.0)
    assert all(w.start_s < w.end_s for w in repaired)
    assert all(a.end_s <= b.start_s for a, b in pairwise(repaired))
    assert [w.interpolated for w in repaired] == [False, False, True, False]


@pytest.mark.parametrize("end_s", [5.0, 1.0])
def test_words_without_any_time_are_spread_over_the_segment(end_s: float) -> None:
    repaired = repair_times(align_words("the lens is in the bag", (), 1.0), 1.0, end_s)
    assert len(repaired) == 6
    assert repaired[0].start_s == 1.0
    assert all(w.interpolated and w.start_s < w.end_s for w in repaired)
    assert repaired[-1].end_s == pytest.approx(max(end_s, 1.12))


NUMBERS = [
    ("a 2.4 mm incision", [" a", " 2", ".4", " mm", " incision"]),
    ("the 23-gauge trocar", [" the", " 23", "-gauge", " trocar"]),
    ("one 10-0 nylon suture.", [" one", " 10", "-0", " nylon", " suture."]),
    ("in a 68-year-old man,", [" in", " a", " 68", "-year", "-old", " man,"]),
    ("20% SF6 at 3,000 cuts/min", [" 20", "%", " SF", "6", " at", " 3", ",000", " cuts", "/min"]),
]


@pytest.mark.parametrize(("text", "fragments"), NUMBERS)
def test_numbers_are_whole_words_with_their_own_times(text: str, fragments: list[str]) -> None:
    timed = [word(fragment, 0.3 * i, 0.3 * i + 0.3) for i, fragment in enumerate(fragments)]
    repaired = repair_times(align_words(text, timed, 0.0), 0.0, 3.0)
    assert [w.word for w in repaired] == text.split()
    assert not any(w.interpolated for w in repaired)
    assert repaired[-1].end_s == pytest.approx(0.3 * len(fragments))


@pytest.mark.parametrize("text", [text for text, _ in NUMBERS])
@pytest.mark.parametrize("length_s", [None, 0.0])
def test_numbers_without_a_usable_time_are_kept_and_marked(
    text: str, length_s: float | None
) -> None:
    """Aligners lose numbers, or give them no length; either way the text keeps its words."""
    numbers = [token for token in text.split() if any(char.isdigit() for char in token)]
    timed = []
    for i, token in enumerate(text.split()):
        if token not in numbers:
            timed.append(word(f" {token}", 0.3 * i, 0.3 * i + 0.3))
        elif length_s is not None:
            timed.append(word(f" {token}", 0.3 * i, 0.3 * i + length_s))
    repaired = repair_times(align_words(text, timed, 0.0), 0.0, 3.0)
    assert [w.word for w in repaired] == text.split()
    assert [w.word for w in repaired if w.interpolated] == numbers
    assert all(w.start_s < w.end_s for w in repaired)
    assert all(a.end_s <= b.start_s + 1e-9 for a, b in pairwise(repaired))


def test_a_text_of_numbers_alone_is_spread_over_its_stretch() -> None:
    repaired = repair_times(align_words("2.4 10-0 23-gauge", (), 0.0), 0.0, 1.5)
    assert [(w.word, w.interpolated) for w in repaired] == [
        ("2.4", True),
        ("10-0", True),
        ("23-gauge", True),
    ]
    assert (repaired[0].start_s, repaired[-1].end_s) == (0.0, pytest.approx(1.5))


def test_what_was_timed_but_not_written_is_left_out() -> None:
    timed = [word(" we", 0.0, 0.2), word(" uh", 0.2, 0.4), word(" begin", 0.4, 0.8)]
    assert [w.word for w in align_words("we begin", timed, 0.0)] == ["we", "begin"]
