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


PROTECTED = (
    "zero oh one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred "
    "thousand million point half quarter third first second fourth fifth sixth once twice double single "
    "millimeter millimeters millimetre millimetres micron microns gauge percent degree degrees diopter "
    "diopters dioptre dioptres left right both bilateral unilateral od os ou superior inferior nasal "
    "temporal nasally temporally superiorly inferiorly superonasal superotemporal inferonasal "
    "inferotemporal upper lower medial lateral anterior posterior no not none never nothing neither nor "
    "without cannot deny denies denied absent absence"
)


@pytest.mark.parametrize("word", PROTECTED.split())
def test_each_number_side_and_negation_is_protected(word: str) -> None:
    assert is_protected(word)
    assert not is_protected(f"{word}x")


def test_a_typographic_apostrophe_makes_no_other_word() -> None:
    assert log_probability("don\u2019t") == log_probability("don't") > UNKNOWN


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        *[("keratolysis", True), ("keratitis", True), ("iridokeratitis", True)],
        *[("itis", False), ("kerato", False), ("xkeratitis", False), ("keratitisx", False)],
    ],
)
def test_a_word_built_of_parts_has_stems_and_an_ending(word: str, expected: bool) -> None:
    assert is_built_of_parts(word) is expected
