"""The hot words: terms of the field, few enough to be read, and the user's own in their place."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer

from ophvl.errors import ConfigError
from ophvl.ontology import Ontology
from ophvl.ontology.forms import fold_term
from ophvl.speech.engine import HINT_TOKENS
from ophvl.speech.hot_words import NO_HOT_WORDS, load_hot_words
from ophvl.speech.weights import Weights

OWN = 'version = 3\nprompt = "We operate."\nwords = ["iris hook", " trypan blue "]\n'


def test_every_hot_word_is_a_term_of_the_ontology_and_stands_once(
    ontology: Ontology,
) -> None:
    concepts = ontology.concepts.values()
    known = {form for concept in concepts for form in concept.forms()}
    known |= {fold_term(short) for concept in concepts for short in concept.abbreviations}
    words = [fold_term(word) for word in load_hot_words().words]
    assert [word for word in words if word not in known] == []
    assert len(set(words)) == len(words) > 40


def test_the_packaged_hot_words_fit_what_whisper_reads(tiny_en: Weights, base: Weights) -> None:
    for weights in (tiny_en, base):
        tokenizer = Tokenizer.from_file(str(weights.path / "tokenizer.json"))
        text = " " + load_hot_words().text
        assert len(tokenizer.encode(text, add_special_tokens=False).ids) <= HINT_TOKENS


def test_the_prompt_comes_last_in_whole_sentences() -> None:
    packaged = load_hot_words()
    assert packaged.text.endswith(f"{packaged.words[-1]}. {packaged.prompt}")
    assert packaged.prompt.endswith(".")
    assert NO_HOT_WORDS.text == ""


def test_a_users_file_has_its_own_revision(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(OWN)
    own = load_hot_words(path)
    assert own.text == "iris hook, trypan blue. We operate."
    assert own.revision.startswith("hot words 3@")
    path.write_text(OWN.replace("hook", "ring"))
    assert load_hot_words(path).revision not in {own.revision, load_hot_words().revision}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read the hot words in .*own.toml"),
        ("words = [", "not valid TOML"),
        ("words = ['a']", "must hold version"),
        (OWN.replace("3", "'3'"), "must hold version"),
        (OWN.replace('"iris hook"', "7"), "must hold version"),
        (OWN + "wards = []\n", "must hold version"),
        (OWN.replace("3", "true"), "must hold version"),
        (OWN.replace("iris hook", "  "), r"a word of the hot words in .*own.toml is blank"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "own.toml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=message):
        load_hot_words(path)
