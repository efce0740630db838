"""Forms of one word are no mishearings of each other."""

import pytest

from ophvl.text.correction.morphology import is_inflection


@pytest.mark.parametrize(
    ("word", "other"),
    [("canaliculus", "canaliculi"), ("aphakic", "phakic"), ("lens", "lenses"), ("pad", "pads")],
)
def test_related_words(word: str, other: str) -> None:
    assert is_inflection(word, other, 0.1)
    assert is_inflection(other, word, 0.1)


@pytest.mark.parametrize(
    ("word", "other"), [("vectus", "vectis"), ("tripan", "trypan"), ("rexes", "rhexis")]
)
def test_mishearings_are_not_related(word: str, other: str) -> None:
    assert not is_inflection(word, other, 0.1)


def test_a_long_shared_beginning_relates_words_that_sound_different() -> None:
    assert is_inflection("hamartomatous", "hamartomas", 2.0)
    assert not is_inflection("moxifloxicin", "moxifloxacin", 0.25)
