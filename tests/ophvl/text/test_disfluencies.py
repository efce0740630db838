"""Hesitations go, meaning stays."""

import pytest

from ophvl.text.disfluencies import without_disfluencies


@pytest.mark.parametrize(
    ("spoken", "clean"),
    [
        ("Um, so I I take the the chopper", "So I take the chopper"),
        ("and, uh, the capsule", "And, the capsule"),
        ("2 2 mm", "2 2 mm"),
        ("it is very very soft", "It is very very soft"),
        ("the ER flow", "The ER flow"),
        ("er, hmm, a 2 mm cut", "A 2 mm cut"),
        ("um", ""),
        ("", ""),
        ("Umbrella incision", "Umbrella incision"),
    ],
)
def test_without_disfluencies(spoken: str, clean: str) -> None:
    assert without_disfluencies(spoken) == clean
