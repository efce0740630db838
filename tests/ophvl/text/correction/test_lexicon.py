"""Entries of the lexicon by sound, and completions of terms."""

from types import MappingProxyType

import pytest

from ophvl.ontology import Concept, Ontology
from ophvl.text.correction.lexicon import Lexicon, LexiconEntry
from ophvl.text.correction.phonetics import key, sounds
from schemas.vocab import Kind


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


def concept(kind: Kind, label: str, **more: tuple[str, ...]) -> Concept:
    return Concept(concept_id=f"{kind}:{label}", kind=kind, label=label, **more)  # type: ignore[arg-type]


def lexicon_of(*concepts: Concept) -> Lexicon:
    by_id = {c.concept_id: c for c in concepts}
    return Lexicon(Ontology(concepts=MappingProxyType(by_id), rules=(), revision="small"))


def standalone(lexicon: Lexicon) -> dict[str, LexiconEntry]:
    entries = [entry for group in lexicon._standalone.values() for entry in group]
    return {entry.text: entry for entry in entries}


def test_standalone_entries_are_rare_and_a_term_or_in_several() -> None:
    lexicon = lexicon_of(
        concept(Kind.ANATOMY, "zonule"),
        concept(Kind.ANATOMY, "table"),
        concept(Kind.ANATOMY, "zinnian crown"),
        concept(Kind.ANATOMY, "morgagnian crown"),
        concept(Kind.ANATOMY, "morgagnian globule"),
        concept(Kind.ANATOMY, "posterior"),
        concept(Kind.ANATOMY, "2x"),
        concept(Kind.ACTION, "suture"),
        concept(Kind.ACTION, "phacoemulsify"),
    )
    entries = standalone(lexicon)
    assert {"zonule", "zonules", "morgagnian", "phacoemulsify"} <= set(entries)
    assert {"table", "zinnian", "crown", "posterior", "2x", "suture"}.isdisjoint(entries)
    assert (entries["morgagnian"].term_count, entries["zonule"].term_count) == (2, 1)
    assert (entries["zonule"].is_listed, entries["zonules"].is_listed) == (True, False)


def test_short_sounds_are_no_entry() -> None:
    assert standalone(lexicon_of(concept(Kind.ANATOMY, "oi"))) == {}


def test_drugs_are_marked() -> None:
    lexicon = lexicon_of(
        concept(Kind.MEDICATION, "moxifloxacin drop", abbreviations=("MMC",)),
        concept(Kind.ANATOMY, "zonule", abbreviations=("ILM",)),
        concept(Kind.MEDICATION, "moxifloxacin"),
    )
    assert lexicon.medications == {"moxifloxacin", "moxifloxacins"}
    entries = standalone(lexicon)
    assert (entries["moxifloxacin"].is_medication, entries["zonule"].is_medication) == (True, False)
    assert (entries["MMC"].is_medication, entries["ILM"].is_medication) == (True, False)
    (drop,) = [e for e in lexicon.completions_after("moxifloxacin") if e.text == "drop"]
    assert drop.is_medication


def test_abbreviations_are_three_to_seven_letters_that_are_spelled() -> None:
    short = ("AC", "BSS", "ABCDEFG", "ABCDEFGH", "B2S", "\u00c4BC", "DSEK")
    lexicon = lexicon_of(concept(Kind.SURGERY, "keratoplasty", abbreviations=short))
    spelled = {e.text for e in standalone(lexicon).values() if e.text.isupper()}
    assert spelled == {"BSS", "ABCDEFG", "DSEK"}
    readings = [
        (e.text, e.sounds, e.is_spelled)
        for group in lexicon._standalone.values()
        for e in group
        if e.text == "DSEK"
    ]
    assert sorted(readings) == [("DSEK", "diesike", True), ("DSEK", "disek", False)]
    assert [e.text for e in lexicon.similar(key("bieses"))] == ["BSS"]


def test_capitals_of_abbreviations_that_begin_no_word() -> None:
    lexicon = lexicon_of(
        concept(Kind.SURGERY, "phacoemulsification", abbreviations=("PHACO", "PHA", "IOL"))
    )
    assert lexicon.with_capitals("phaco pha iol") == "phaco pha IOL"


def test_similar_entries_have_one_sound_more_or_less() -> None:
    lexicon = lexicon_of(concept(Kind.INSTRUMENT, "keratome"), concept(Kind.ANATOMY, "fovea"))

    def texts(sounds_key: str) -> set[str]:
        return {entry.text for entry in lexicon.similar(sounds_key)}

    assert key(sounds("keratome")) == "KLTN"
    assert key(sounds("fovea")) == "P"
    assert texts("KLTN") >= {"keratome"}
    assert all("keratome" in texts(other) for other in ("KLTPN", "KLPN", "KLTNS"))
    assert "keratome" not in texts("KLT")
    assert "keratome" not in texts("KPSN")
    assert "fovea" not in texts("PS")


def test_compounds_have_six_letters_at_least() -> None:
    lexicon = lexicon_of(
        concept(Kind.INSTRUMENT, "keratome"),
        concept(Kind.ANATOMY, "fovea"),
        concept(Kind.ANATOMY, "zonule"),
    )
    assert {"keratome", "zonule"} <= set(lexicon.compounds)
    assert "fovea" not in lexicon.compounds


def test_topic_words_are_rare_long_and_no_verbs() -> None:
    lexicon = lexicon_of(
        concept(Kind.ANATOMY, "zonule"),
        concept(Kind.ANATOMY, "oph"),
        concept(Kind.ANATOMY, "table"),
        concept(Kind.ANATOMY, "macula"),
        concept(Kind.ACTION, "phacoemulsify"),
    )
    assert {"zonule", "macula"} <= lexicon.topic_words
    assert {"oph", "table", "phacoemulsify"}.isdisjoint(lexicon.topic_words)
    assert {"zonule", "oph", "phacoemulsify"} <= lexicon.surgical
    assert "table" not in lexicon.surgical


def test_completions_begin_and_end_with_words_of_their_own() -> None:
    lexicon = lexicon_of(
        concept(Kind.ANATOMY, "angle of the anterior chamber"),
        concept(Kind.ANATOMY, "a b c d e"),
        concept(Kind.OBJECTIVE, "lower the pressure"),
        concept(Kind.ANATOMY, "na\u00efve crown"),
    )

    def after(part: str) -> set[str]:
        return {entry.text for entry in lexicon.completions_after(part)}

    def before(part: str) -> set[str]:
        return {entry.text for entry in lexicon.completions_before(part)}

    assert after("angle") == set()  # "of the ..." begins with a small word, "anterior" is protected
    assert after("angle of") == set()
    assert before("chamber") == set()
    assert before("anterior chamber") == set()
    assert after("lower") == set()


def test_names_have_capitals_and_some_a_possessive() -> None:
    lexicon = lexicon_of(
        concept(Kind.INSTRUMENT, "ahmed valve"),
        concept(Kind.ANATOMY, "canal of schlemm"),
        concept(Kind.ANATOMY, "descemet membrane"),
    )
    heads = {entry.text for entry in lexicon.completions_before("membrane")}
    assert heads == {"Descemet", "Descemet's"}
    assert {entry.text for entry in lexicon.completions_before("valve")} == {"Ahmed"}


@pytest.mark.parametrize(
    "word",
    [
        "a",
        "an",
        "and",
        "at",
        "by",
        "for",
        "from",
        "in",
        "into",
        "of",
        "on",
        "or",
        "the",
        "to",
        "with",
        "under",
        "over",
    ],
)
def test_a_completion_neither_begins_nor_ends_with_a_small_word(word: str) -> None:
    lexicon = lexicon_of(concept(Kind.ANATOMY, f"zinnian crown {word} morgagnian globe"))
    after = {e.text for e in lexicon.completions_after("zinnian crown")}
    before = {e.text for e in lexicon.completions_before("morgagnian globe")}
    assert after == before == set()
    assert lexicon.completions_after(f"zinnian crown {word}") == ()
    assert lexicon.completions_before(f"{word} morgagnian globe") == ()
    between = {e.text for e in lexicon.completions_after("zinnian")}
    assert between == set()  # four words are too long to be misheard as one
    shorter = lexicon_of(concept(Kind.ANATOMY, f"crown {word} globe membrane"))
    assert f"crown {word} globe" in {e.text for e in shorter.completions_before("membrane")}


def test_a_german_name_may_be_said_as_in_german() -> None:
    lexicon = lexicon_of(
        concept(Kind.INSTRUMENT, "westcott blade"), concept(Kind.INSTRUMENT, "workable blade")
    )
    heads = lexicon.completions_before("blade")
    said = sounds("westcott")
    assert {e.sounds for e in heads if e.text == "Westcott"} == {said, "v" + said[1:]}
    assert {e.sounds for e in heads if e.text == "workable"} == {sounds("workable")}
