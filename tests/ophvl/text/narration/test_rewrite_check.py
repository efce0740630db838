"""What a rewrite may and may not change."""

from __future__ import annotations

import pytest

from ophvl.text.narration.rewrite_check import additions


@pytest.mark.parametrize(
    ("source", "rewritten"),
    [
        ("We make two side ports.", "2 side ports are made."),
        ("I take the Utrata forceps for the rhexis.", "Forceps are taken for the capsulorhexis."),
        ("The IOL is 21,5 diopters.", "The IOL has 21.5 diopters."),
        ("Then two side ports are made.", "Two side ports are made."),
        ("No sutures here, so, um, fine.", "No sutures are placed."),
        ("If the capsule tears, we stop.", "We stop if the capsule tears."),
        ("The left eye has a mature cataract.", "Mature cataract of the left eye."),
        ("", ""),
    ],
)
def test_other_words_for_the_same_are_faithful(tagger, source: str, rewritten: str) -> None:
    assert additions(source, rewritten, tagger) == ()


@pytest.mark.parametrize(
    ("source", "rewritten", "item"),
    [
        ("We make a side port.", "We make two side ports.", "added_number: 2"),
        ("We make a 2.2 mm incision.", "We make a 2.4 mm incision.", "added_number: 2.4"),
        ("The eye is draped.", "The right eye is draped.", "added_side: right"),
        ("We inject viscoelastic.", "We inject trypan blue.", "added_concept: trypan blue"),
        ("Forceps are taken.", "Utrata forceps are taken.", "added_concept: utrata forceps"),
        ("Sutures are placed.", "Sutures are not placed.", "changed_negation: a denial"),
        (
            "If the capsule tears, we stop.",
            "The capsule tears and we stop.",
            "changed_negation: anterior capsule tear is present",
        ),
        (
            "There is no bleeding.",
            "Bleeding is seen.",
            "changed_negation: bleeding is present",
        ),
    ],
)
def test_additions_are_reported(tagger, source: str, rewritten: str, item: str) -> None:
    assert item in [f"{a.outcome}: {a.item}" for a in additions(source, rewritten, tagger)]


@pytest.mark.parametrize(
    ("word", "digits"),
    [
        *[("one", "1"), ("two", "2"), ("three", "3"), ("four", "4"), ("five", "5"), ("six", "6")],
        *[("seven", "7"), ("eight", "8"), ("nine", "9"), ("ten", "10"), ("eleven", "11")],
        *[("twelve", "12"), ("thirteen", "13"), ("fourteen", "14"), ("fifteen", "15")],
        ("sixteen", "16"),
    ],
)
def test_a_number_in_words_is_that_in_digits(tagger, word, digits):
    assert additions(f"It took {word} of them.", f"It took {digits} of them.", tagger) == ()
    assert additions("It took some of them.", f"It took {word} of them.", tagger) != ()


@pytest.mark.parametrize(
    "word",
    [
        *["seventeen", "eighteen", "nineteen", "twenty", "thirty", "forty", "fifty", "sixty"],
        *["seventy", "eighty", "ninety", "hundred", "half"],
    ],
)
def test_each_further_number_is_an_addition(tagger, word):
    found = additions("It took some of them.", f"It took {word} of them.", tagger)
    assert [f"{a.outcome}: {a.item}" for a in found] == [f"added_number: {word}"]


@pytest.mark.parametrize(
    "side",
    [
        *["right", "left", "both", "bilateral", "superior", "inferior", "nasal", "temporal"],
        *["superonasal", "superotemporal", "inferonasal", "inferotemporal", "upper", "lower"],
    ],
)
def test_each_side_is_an_addition(tagger, side):
    found = additions("It is there.", f"It is {side.capitalize()} there.", tagger)
    assert f"added_side: {side}" in [f"{a.outcome}: {a.item}" for a in found]


def test_a_phrase_without_concept_is_no_added_concept(tagger) -> None:
    rewritten = "We inject it in order to protect it."
    assert [a.concept_id for a in tagger.tag(rewritten) if a.kind == "objective"] == [None]
    assert additions("We inject it.", rewritten, tagger) == ()
