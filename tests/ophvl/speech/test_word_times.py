"""Word times come out in order, whatever the recogniser says."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ophvl.ports import Word
from ophvl.speech.word_times import tidy_words, timed_words


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
    tidy = tidy_words(timed_words("the lens is in the bag", (), 1.0), 1.0, end_s)
    assert len(tidy) == 6
    assert tidy[0].start_s == 1.0
    assert all(w.interpolated and w.start_s < w.end_s for w in tidy)
    assert tidy[-1].end_s == pytest.approx(max(end_s, 1.12))


NUMBERS = [
    ("a 2.4 mm incision", [" a", " 2", ".4", " mm", " incision"]),
    ("the 23-gauge trocar", [" the", " 23", "-gauge", " trocar"]),
    ("one 10-0 nylon suture.", [" one", " 10", "-0", " nylon", " suture."]),
    ("in a 68-year-old man,", [" in", " a", " 68", "-year", "-old", " man,"]),
    ("20% SF6 at 3,000 cuts/min", [" 20", "%", " SF", "6", " at", " 3", ",000", " cuts", "/min"]),
]


@pytest.mark.parametrize(("text", "pieces"), NUMBERS)
def test_numbers_are_whole_words_with_their_own_times(text: str, pieces: list[str]) -> None:
    heard = [word(piece, 0.3 * i, 0.3 * i + 0.3) for i, piece in enumerate(pieces)]
    tidy = tidy_words(timed_words(text, heard, 0.0), 0.0, 3.0)
    assert [w.word for w in tidy] == text.split()
    assert not any(w.interpolated for w in tidy)
    assert tidy[-1].end_s == pytest.approx(0.3 * len(pieces))


@pytest.mark.parametrize("text", [text for text, _ in NUMBERS])
@pytest.mark.parametrize("length_s", [None, 0.0])
def test_numbers_without_a_usable_time_are_kept_and_marked(
    text: str, length_s: float | None
) -> None:
    """Aligners lose numbers, or give them no length; either way the text keeps its words."""
    numbers = [said for said in text.split() if any(char.isdigit() for char in said)]
    heard = []
    for i, said in enumerate(text.split()):
        if said not in numbers:
            heard.append(word(f" {said}", 0.3 * i, 0.3 * i + 0.3))
        elif length_s is not None:
            heard.append(word(f" {said}", 0.3 * i, 0.3 * i + length_s))
    tidy = tidy_words(timed_words(text, heard, 0.0), 0.0, 3.0)
    assert [w.word for w in tidy] == text.split()
    assert [w.word for w in tidy if w.interpolated] == numbers
    assert all(w.start_s < w.end_s for w in tidy)
    assert all(a.end_s <= b.start_s + 1e-9 for a, b in pairwise(tidy))


def test_a_text_of_numbers_alone_is_spread_over_its_stretch() -> None:
    tidy = tidy_words(timed_words("2.4 10-0 23-gauge", (), 0.0), 0.0, 1.5)
    assert [(w.word, w.interpolated) for w in tidy] == [
        ("2.4", True),
        ("10-0", True),
        ("23-gauge", True),
    ]
    assert (tidy[0].start_s, tidy[-1].end_s) == (0.0, pytest.approx(1.5))


def test_what_was_timed_but_not_written_is_left_out() -> None:
    heard = [word(" we", 0.0, 0.2), word(" uh", 0.2, 0.4), word(" begin", 0.4, 0.8)]
    assert [w.word for w in timed_words("we begin", heard, 0.0)] == ["we", "begin"]
