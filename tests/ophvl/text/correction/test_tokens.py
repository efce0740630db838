"""Tokens of a recognised text and groups of them."""

import pytest

from ophvl.text.correction.tokens import (
    groups,
    is_mixed,
    sounds_of,
    spans_from,
    spans_to,
    tokenize,
)


def test_tokens_have_positions_in_the_text() -> None:
    text = "\u0130stanbul: Schlemm's D-SEC, 2.4 mm isn't BSS"
    tokens = tokenize(text)
    assert [text[t.start : t.end] for t in tokens][:4] == ["\u0130stanbul", "Schlemm", "D", "SEC"]
    assert [t.word for t in tokens if t.is_fixed] == ["2", "4", "isn't"]
    assert [t.word for t in tokens if t.after_hyphen] == ["sec"]


def test_words_are_compared_without_accents() -> None:
    tokens = tokenize("Müller, Behçet")
    assert [(t.start, t.end, t.word) for t in tokens] == [(0, 6, "muller"), (8, 14, "behcet")]


def test_groups_stop_at_punctuation_and_fixed_tokens() -> None:
    texts = {" ".join(words) for _, _, words in groups(tokenize("high lloyd, two zone yules"))}
    assert texts == {"high", "lloyd", "high lloyd", "zone", "yules", "zone yules"}


def test_groups_neither_begin_nor_end_with_small_words() -> None:
    texts = {" ".join(words) for _, _, words in groups(tokenize("is there capsule or hexus"))}
    assert "capsule or hexus" in texts
    assert "is there" not in texts


def test_letters_and_words() -> None:
    assert sounds_of(tokenize("BSS")) == "bieses"
    assert is_mixed(tokenize("the BSS"))
    assert not is_mixed(tokenize("the salt"))


def test_spans_beside_a_term_stop_at_fixed_tokens_and_punctuation() -> None:
    tokens = tokenize("sin ski left sin ski hook for now two, zone")
    assert list(spans_to(tokens, 5)) == [(4, 5), (3, 5)]
    assert list(spans_from(tokens, 6)) == [(6, 7), (6, 8)]
    assert list(spans_from(tokens, 9)) == []
    assert list(spans_to(tokens, 0)) == []
    assert list(spans_from(tokenize("a b c d e"), 1)) == [(1, 2), (1, 3), (1, 4)]


def test_no_group_goes_across_a_comma() -> None:
    words = {group for _, _, group in groups(tokenize("rare, word here"))}
    assert ("word", "here") in words
    assert not any("rare" in group and len(group) > 1 for group in words)


SMALL_WORDS = (
    "am and are as at be been but by from had has have if is it its of on so that their then there these "
    "this those was we were when which while with because before after until"
)


@pytest.mark.parametrize("word", SMALL_WORDS.split())
def test_a_small_word_stands_inside_a_group_only(word: str) -> None:
    texts = {" ".join(words) for _, _, words in groups(tokenize(f"carrot {word} home"))}
    assert texts == {"carrot", word, "home", f"carrot {word} home"}


def test_a_group_has_four_words_at_most() -> None:
    sizes = {len(words) for _, _, words in groups(tokenize("try am sin a lone star"))}
    assert sizes == {1, 2, 3, 4}


@pytest.mark.parametrize(
    ("text", "spelled"),
    [("BSS", True), ("bss", False), ("B", True), ("b", True), ("DMEK", True), ("DSAEK", False)],
)
def test_letters_by_name_are_in_capitals_and_four_at_most(text: str, spelled: bool) -> None:
    (token,) = tokenize(text)
    assert token.is_spelled is spelled


@pytest.mark.parametrize(
    ("text", "sounds"),
    [
        *[("PAR", "piear"), ("par", "par"), ("A", "@"), ("I", "A"), ("bss", "bieses")],
        *[("D-SEC", "disek"), ("Schlemm's", "Slem"), ("don't", "dant")],
    ],
)
def test_sounds_of_tokens(text: str, sounds: str) -> None:
    tokens = tokenize(text)
    assert sounds_of(tokens) == sounds


@pytest.mark.parametrize(
    ("text", "joined", "after_hyphen"),
    [
        *[("zone yules", True, False), ("zone-yules", True, True), ("zone  yules", True, False)],
        *[
            ("zone\nyules", True, False),
            ("zone - yules", True, False),
            ("zone, yules", False, False),
        ],
        *[("zone.yules", False, False), ("zone_yules", False, False), ("zone/yules", False, False)],
    ],
)
def test_what_joins_words(text: str, joined: bool, after_hyphen: bool) -> None:
    first, second = tokenize(text)
    assert (first.is_joined, first.after_hyphen) == (False, False)
    assert (second.is_joined, second.after_hyphen) == (joined, after_hyphen)


def test_an_abbreviation_after_a_hyphen_is_no_mixture() -> None:
    assert not is_mixed(tokenize("visco-EL"))
    assert is_mixed(tokenize("visco EL"))
    assert not is_mixed(tokenize("visco E"))
    assert not is_mixed(tokenize("EL"))
