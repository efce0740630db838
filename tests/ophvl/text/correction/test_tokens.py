"""Tokens of a recognised text and groups of them."""

from ophvl.text.correction.tokens import groups, is_mixed, said, tokens


def test_tokens_lie_on_the_text() -> None:
    text = "\u0130stanbul: Schlemm's D-SEC, 2.4 mm isn't BSS"
    heard = tokens(text)
    assert [text[t.start : t.end] for t in heard][:4] == ["\u0130stanbul", "Schlemm", "D", "SEC"]
    assert [t.word for t in heard if t.fixed] == ["2", "4", "isn't"]
    assert [t.word for t in heard if t.hyphen] == ["sec"]


def test_groups_stop_at_punctuation_and_at_what_is_fixed() -> None:
    found = {" ".join(words) for _, _, words in groups(tokens("high lloyd, two zone yules"))}
    assert found == {"high", "lloyd", "high lloyd", "zone", "yules", "zone yules"}


def test_small_words_stand_at_no_edge() -> None:
    found = {" ".join(words) for _, _, words in groups(tokens("is there capsule or hexus"))}
    assert "capsule or hexus" in found
    assert "is there" not in found


def test_letters_and_words() -> None:
    assert said(tokens("BSS")) == "bieses"
    assert is_mixed(tokens("the BSS"))
    assert not is_mixed(tokens("the salt"))
