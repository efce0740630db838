"""Cues are found where the plain pattern finds them."""

import re

import pytest

from ophvl.text.concepts.cue_index import Cues, words

PATTERN = re.compile(r"\b(?:due to|so that|no) \w+", re.IGNORECASE)
FIRST = words("due so no")


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
    found = [m.span() for m in Cues(text).matches(PATTERN, FIRST)]
    assert found == [m.span() for m in PATTERN.finditer(text)]


def test_any_of_ignores_case():
    assert Cues("Tomorrow").any_of(words("tonight tomorrow"))
    assert not Cues("").any_of(words("tomorrow"))
