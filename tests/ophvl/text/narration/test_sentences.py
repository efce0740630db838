"""Sentences without outer blanks, also where a word is longer than any."""

from __future__ import annotations

import pytest

from ophvl.text.narration.sentences import SentenceSplitter


@pytest.fixture(scope="module")
def split():
    splitter = SentenceSplitter()
    return lambda text: [text[start:end] for start, end in splitter.split(text)]


def test_each_sentence_stands_without_the_blanks_around_it(split) -> None:
    text = "  We open the capsule.   Then the lens is rotated. "
    assert [said.strip() for said in split(text)] == [
        "We open the capsule.",
        "Then the lens is rotated.",
    ]


@pytest.mark.parametrize("text", ["", " ", "\n \n"])
def test_blanks_are_no_sentence(split, text) -> None:
    assert split(text) == []


def test_a_run_of_signs_keeps_its_place(split) -> None:
    run = "-" * 300
    text = f"We open the capsule. {run} Then the lens is rotated."
    said = split(text)
    assert said[0] == "We open the capsule."
    assert said[-1].endswith("Then the lens is rotated.")
    assert run in " ".join(said)
