"""Hesitations go, meaning stays."""

import pytest

from ophvl.text.edits import apply
from ophvl.text.narration.disfluencies import disfluency_edits
from schemas.narrations import Edit


@pytest.mark.parametrize(
    ("spoken", "clean"),
    [
        ("Um, so I I take the the chopper", "So I take the chopper"),
        ("and, uh, the capsule", "And, the capsule"),
        ("the um the the nucleus", "The nucleus"),
        ("I, I think", "I think"),
        ("I I'm done", "I I'm done"),
        ("in in-the-bag fixation", "In in-the-bag fixation"),
        ("2 2 mm", "2 2 mm"),
        ("it is very very soft", "It is very very soft"),
        ("the ER flow", "The ER flow"),
        ("er, hmm, a 2 mm cut", "A 2 mm cut"),
        (", then the lens", "Then the lens"),
        ("so um", "So"),
        ("the the um", "The"),
        ("um, incision", "Incision"),
        ("now we rinse rinse", "Now we rinse"),
        ("we cut , and rinse", "We cut , and rinse"),
        ("um", ""),
        ("", ""),
        ("Umbrella incision", "Umbrella incision"),
    ],
)
def test_edits_clean_the_text(spoken: str, clean: str) -> None:
    assert apply(spoken, disfluency_edits(spoken)) == clean


def test_each_edit_names_its_rule_and_can_be_left_out() -> None:
    text = "um, I I see"
    edits = disfluency_edits(text)
    assert [(edit.rule, edit.score) for edit in edits] == [("hesitation", 1.0), ("stutter", 1.0)]
    assert apply(text, edits[1:]) == "um, I see"


def test_no_edit_overlaps_a_correction() -> None:
    text = "tripan blue the the capsule"
    correction = Edit(start=0, end=11, before="tripan blue", after="trypan blue", rule="", score=1)
    edits = disfluency_edits(text, [correction])
    assert apply(text, sorted([correction, *edits], key=lambda e: e.start)) == (
        "trypan blue the capsule"
    )


def test_hesitations_before_and_after_a_correction_go() -> None:
    text = "um, tripan blue, uh, stains"
    correction = Edit(start=4, end=15, before="tripan blue", after="trypan blue", rule="", score=1)
    edits = disfluency_edits(text, [correction])
    assert apply(text, sorted([correction, *edits], key=lambda e: e.start)) == "trypan blue, stains"
