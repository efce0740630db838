"""Entries of the lexicon by sound, and completions of terms."""

from ophvl.text.correction.lexicon import Lexicon
from ophvl.text.correction.phonetics import key, sounds


def test_finds_rare_words_by_key(lexicon: Lexicon) -> None:
    assert "pterygium" in {entry.text for entry in lexicon.similar(key(sounds("teregium")))}


def test_common_words_need_their_term(lexicon: Lexicon) -> None:
    assert "hook" not in {entry.text for entry in lexicon.similar(key(sounds("hook")))}
    assert "forceps" in {entry.text for entry in lexicon.completions_after("capsulorhexis")}
    assert "Sinskey" in {entry.text for entry in lexicon.completions_before("hook")}
    assert lexicon.completions_before("no such words") == ()


def test_no_entry_contains_a_side_or_number(lexicon: Lexicon) -> None:
    assert not any("posterior" in entry.text for entry in lexicon.completions_before("capsule"))


def test_abbreviations_are_in_capitals(lexicon: Lexicon) -> None:
    assert lexicon.with_capitals("dmek graft") == "DMEK graft"
    assert lexicon.with_capitals("phaco probe") == "phaco probe"
