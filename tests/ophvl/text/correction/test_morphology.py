"""Forms of one word are no mishearings of each other."""

import pytest

from ophvl.text.correction.morphology import is_inflection, share_a_stem


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


ENDINGS = (
    "s es ed d ing er ers al ar ic ical ous ly y ies us i um a ae is on e ity ize ized ise ised ization "
    "isation or ors ion ions ive ation ations ment ance ence ally able ant ent"
)


@pytest.mark.parametrize("ending", ENDINGS.split())
def test_endings_of_one_stem(ending: str) -> None:
    assert share_a_stem("vxzq", f"vxzq{ending}")
    assert share_a_stem(f"vxzq{ending}", "vxzq")
    assert not share_a_stem("vxzq", f"vxzqk{ending}")
    assert not share_a_stem("vx", f"vx{ending}")


def test_us_and_is_are_endings_of_different_words() -> None:
    assert not share_a_stem("vectus", "vectis")
    assert share_a_stem("vectus", "vecti")


def test_stems_of_three_letters_and_more() -> None:
    assert share_a_stem("vxzed", "vxzing")
    assert not share_a_stem("vxed", "vxing")
    assert share_a_stem("pterygium", "pterygia")


@pytest.mark.parametrize(
    "prefix",
    [
        *[
            "a",
            "an",
            "un",
            "in",
            "im",
            "ir",
            "non",
            "pre",
            "post",
            "sub",
            "pseudo",
            "hyper",
            "hypo",
        ],
        *["epi", "para", "peri", "intra", "extra", "inter", "trans", "re", "de", "dis", "endo"],
        *["exo", "retro", "anti", "eu", "dys"],
    ],
)
def test_a_prefix_makes_a_related_word(prefix: str) -> None:
    assert is_inflection("phakic", f"{prefix}phakic", 0.1)
    assert is_inflection(f"{prefix}phakic", "phakic", 0.1)
    assert not is_inflection(f"{prefix}zphakic", "phakic", 0.1)
    assert not is_inflection(f"{prefix}lid", "lid", 0.1)


def test_words_that_begin_alike_are_related_where_they_sound_too_far_apart() -> None:
    assert not is_inflection("abcdefghijkx", "abcdefghijzw", 0.5)
    assert is_inflection("abcdefghijkx", "abcdefghijzw", 0.51)
    assert is_inflection("abcdefzz", "abcdefkkkk", 1.0)
    assert not is_inflection("abcdezzk", "abcdekkk", 1.0)
    assert not is_inflection("abcdefzzzzzzzzz", "abcdefkkkkkkkkkkk", 1.0)
