"""Words are compared regardless of case and punctuation."""

from __future__ import annotations

from ophvl.text.words import words_of


def test_punctuation_and_case_do_not_count() -> None:
    assert words_of("\u201cNow\u201d, the 2.4-mm blade (it\u2019s OK)!") == [
        "now",
        "the",
        "2.4-mm",
        "blade",
        "it's",
        "ok",
    ]
    assert words_of(" ... ") == []
