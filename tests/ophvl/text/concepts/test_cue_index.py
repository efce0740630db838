"""Cues are found where the plain pattern finds them."""

import re

import pytest

from ophvl.text.concepts.cue_index import CueIndex, word_set

PATTERN = re.compile(r"\b(?:due to|so that|no) \w+", re.IGNORECASE)
FIRST = word_set("due so no")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "due",
        "Due to trauma, so that no light enters; no no no.",
        "\u0130\u0130 no \u0130ris, due to \u0130",
        "\U0001f631 no flap",
    ],
)
def test_matches_are_those_of_the_pattern(text):
    spans = [m.span() for m in CueIndex(text).matches(PATTERN, FIRST)]
    assert spans == [m.span() for m in PATTERN.finditer(text)]


def test_contains_any_ignores_case():
    assert CueIndex("Tomorrow").contains_any(word_set("tonight tomorrow"))
    assert not CueIndex("").contains_any(word_set("tomorrow"))
