"""Targets of corrections, found by sound and by the rest of their term."""

import pytest

from ophvl.ontology import load
from ophvl.text.correction.lexicon import Lexicon
from ophvl.text.correction.phonetics import key, sounds


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon(load())


def test_finds_rare_words_by_key(lexicon: Lexicon) -> None:
    assert "pterygium" in {target.text for target in lexicon.alike(key(sounds("teregium")))}


def test_common_words_need_their_term(lexicon: Lexicon) -> None:
    assert "hook" not in {target.text for target in lexicon.alike(key(sounds("hook")))}
    assert "forceps" in {target.text for target in lexicon.rest_after("capsulorhexis")}
    assert "Sinskey" in {target.text for target in lexicon.rest_before("hook")}
    assert lexicon.rest_before("no such words") == ()


def test_no_target_holds_a_side_or_number(lexicon: Lexicon) -> None:
    assert not any("posterior" in target.text for target in lexicon.rest_before("capsule"))


def test_written(lexicon: Lexicon) -> None:
    assert lexicon.written("dmek graft") == "DMEK graft"
    assert lexicon.written("phaco probe") == "phaco probe"
