"""Ordinary English, and what is never changed."""

import pytest

from ophvl.text.correction.word_frequency import (
    UNKNOWN,
    is_built_of_parts,
    is_protected,
    log_probability,
)


@pytest.mark.parametrize(
    "word", ["two", "left", "no", "without", "isn't", "isn\u2019t", "2.4", "c3f8", "os"]
)
def test_protected(word: str) -> None:
    assert is_protected(word)


@pytest.mark.parametrize("word", ["note", "lens", "tooth", "nose"])
def test_not_protected(word: str) -> None:
    assert not is_protected(word)


def test_frequencies() -> None:
    assert (
        UNKNOWN == log_probability("teregium") < log_probability("hyaloid") < log_probability("the")
    )


def test_medical_words_are_built_of_parts() -> None:
    assert all(
        map(is_built_of_parts, ["keratolysis", "cardiomegaly", "dacryocystitis", "hepatectomy"])
    )
    assert not any(map(is_built_of_parts, ["teregium", "blefero", "odonesis", "window"]))
