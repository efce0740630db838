"""Which concepts of a title the video itself shows."""

import pytest

from ophvl.text.titles.mentions import is_past, present_matches, shown_matches


def shown(matcher, text):
    return [m.surface for m in shown_matches(text, present_matches(text, matcher))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Phaco and vitrectomy", ["Phaco", "vitrectomy"]),
        ("Phaco without vitrectomy", ["Phaco"]),
        ("Phaco, if needed vitrectomy", ["Phaco"]),
        ("Dropped nucleus avoided, phaco", ["phaco"]),
        ("Phaco | Cornea Institute", ["Phaco"]),
        ("Phaco at the Lasik Centre", ["Phaco"]),
        ("DMEK in a post PKP eye", ["DMEK", "eye"]),
        ("DMEK #phaco #lasik", ["DMEK"]),
        ("#phaco #cataract", ["phaco", "cataract"]),
        ("", []),
    ],
)
def test_shown(matcher, text, expected):
    assert shown(matcher, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PCO after cataract surgery", True),
        ("h/o trabeculectomy", True),
        ("before and after DALK", False),
        ("cataract surgery", False),
    ],
)
def test_past_surgery(text, expected):
    start = min(i for i in map(text.find, ("cataract", "trab", "DALK")) if i >= 0)
    assert is_past(text, start) is expected
