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
