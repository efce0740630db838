"""Sounds of words and how far they are apart."""

import pytest

from ophvl.text.correction.phonetics import distance, key, letter_names, size, sounds


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("ptosis", "tasis"),
        ("phaco", "fako"),
        ("pseudo", "sudo"),
        ("schlemm", "Slem"),
        ("knife", "nAf"),
        ("the", "D@"),
        ("", ""),
        ("\u03b2", ""),
    ],
)
def test_sounds(word: str, expected: str) -> None:
    assert sounds(word) == expected


@pytest.mark.parametrize(
    ("words", "term"),
    [
        ("tripan", "trypan"),
        ("fake odonesis", "phacodonesis"),
        ("carrot home", "keratome"),
        ("sin ski", "sinskey"),
        ("try am sin alone", "triamcinolone"),
    ],
)
def test_mishearings_share_a_key_and_are_close(words: str, term: str) -> None:
    observed = "".join(map(sounds, words.split()))
    assert key(observed) == key(sounds(term))
    assert distance(observed, sounds(term)) < 0.15 * size(sounds(term))


def test_distance() -> None:
    assert distance("fako", "fako") == 0
    assert distance("bat", "pat") < distance("kat", "pat") < distance("sat", "mat") + 1
    assert distance("", "fako") == size("fako")
    assert distance("fako", "") == size("fako")
    assert distance("sklerostomi", "fako", limit=1.0) > 1.0


def test_letters() -> None:
    assert letter_names("BSS") == "bieses"
    assert distance(letter_names("VSS"), letter_names("BSS")) < 0.5
