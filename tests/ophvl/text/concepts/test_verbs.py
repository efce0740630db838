"""The same word as a verb and as a noun."""

import pytest

from ophvl.text.concepts.verbs import AdjacentWords, is_verb


@pytest.mark.parametrize(
    ("before", "form", "after"),
    [
        ("i", "suture", "the"),
        ("to", "suture", ""),
        ("", "irrigate", "under"),
        ("and", "bury", "the"),
        ("is", "cut", "with"),
        ("already", "cut", "by"),
        ("gently", "tap", ""),
        ("that", "cuts", "the"),
        ("instrument", "cuts", "the"),
        ("is", "divided", "into"),
        ("", "grasping", "the"),
        ("by", "pulling", "of"),
        ("have", "opened", "the"),
        ("is", "marked", ""),
    ],
)
def test_verbs(before, form, after):
    assert is_verb(form, AdjacentWords(before, after))


@pytest.mark.parametrize(
    ("before", "form", "after"),
    [
        ("the", "suture", "is"),
        ("a", "cut", "edge"),
        ("the", "draped", "eye"),
        ("with", "marked", "phacodonesis"),
        ("and", "marked", "injection"),
        ("five", "hooks", ""),
        ("of", "stain", "on"),
        ("gentle", "peeling", "of"),
        ("is", "open", ""),
        ("has", "opened", ""),
        ("", "sutures", "are"),
        ("", "stained", "capsule"),
    ],
)
def test_nouns_and_states(before, form, after):
    assert not is_verb(form, AdjacentWords(before, after))


def test_a_hyphen_makes_a_compound():
    assert not is_verb("based", AdjacentWords("fornix", "flap", is_hyphenated=True))
    assert is_verb("injected", AdjacentWords("re", "", is_hyphenated=True))
