"""The same word as a verb and as a noun."""

import pytest

from ophvl.text.concepts.verbs import AdjacentWords, is_verb


@pytest.mark.parametrize(
    ("before", "form", "after"),
    [
        ("i", "suture", "the"),
        ("to", "suture", ""),
        ("", "irrigate", "under"),
        ("and", "bury", "the"),
        ("is", "cut", "with"),
        ("already", "cut", "by"),
        ("gently", "tap", ""),
        ("that", "cuts", "the"),
        ("instrument", "cuts", "the"),
        ("is", "divided", "into"),
        ("", "grasping", "the"),
        ("by", "pulling", "of"),
        ("have", "opened", "the"),
        ("is", "marked", ""),
    ],
)
def test_verbs(before, form, after):
    assert is_verb(form, AdjacentWords(before, after))


@pytest.mark.parametrize(
    ("before", "form", "after"),
    [
        ("the", "suture", "is"),
        ("a", "cut", "edge"),
        ("the", "draped", "eye"),
        ("with", "marked", "phacodonesis"),
        ("and", "marked", "injection"),
        ("five", "hooks", ""),
        ("of", "stain", "on"),
        ("gentle", "peeling", "of"),
        ("is", "open", ""),
        ("has", "opened", ""),
        ("", "sutures", "are"),
        ("", "stained", "capsule"),
    ],
)
def test_nouns_and_states(before, form, after):
    assert not is_verb(form, AdjacentWords(before, after))


def test_a_hyphen_makes_a_compound():
    assert not is_verb("based", AdjacentWords("fornix", "flap", is_hyphenated=True))
    assert is_verb("injected", AdjacentWords("re", "", is_hyphenated=True))


DETERMINERS = (
    "a an the this these those another any some no third one two three four five six several my your his "
    "her its our their such same single little"
)
BEFORE_A_VERB = (
    "to i we you they he she who then will can could should must may might would do does did not "
    "never cannot now just simply also always please let lets don't didn't doesn't won't can't couldn't "
    "wouldn't again often usually still already either rather help helps"
)
PREPOSITIONS = (
    "of with for in from on at by without into onto under behind between over through during above below "
    "per"
)
AFTER_A_VERB = (
    "the it them him me us that both all everything with for in from on at by without into onto under "
    "behind between over through during above below per down out up off back away around across forward "
    "along again just here only until about towards toward beneath inside gently"
)


@pytest.mark.parametrize("word", DETERMINERS.split())
def test_after_a_determiner_stands_a_noun(word):
    assert not is_verb("suture", AdjacentWords(word, "the"))
    assert not is_verb("peeling", AdjacentWords(word, "the"))
    assert not is_verb("draped", AdjacentWords(word, "the"))


@pytest.mark.parametrize("word", ["first", "second", "each", "every"])
def test_numbers_in_order_may_stand_before_a_verb(word):
    assert is_verb("suture", AdjacentWords(word, "the"))
    assert not is_verb("draped", AdjacentWords(word, "the"))


@pytest.mark.parametrize("word", PREPOSITIONS.split())
def test_after_a_preposition_stands_a_noun(word):
    assert not is_verb("suture", AdjacentWords(word, "the"))
    assert not is_verb("draped", AdjacentWords(word, "the"))
    assert is_verb("peeling", AdjacentWords(word, "the"))


@pytest.mark.parametrize("word", BEFORE_A_VERB.split())
def test_after_these_words_stands_a_verb(word):
    assert is_verb("suture", AdjacentWords(word, "slowly"))
    assert is_verb("sutures", AdjacentWords(word, ""))


@pytest.mark.parametrize(
    "word", ["and", "or", "but", "so", "first", "next", "here", "it", "that", "which"]
)
def test_after_these_words_a_verb_needs_an_object(word):
    assert is_verb("suture", AdjacentWords(word, "the"))
    if word != "which":
        assert not is_verb("sutures", AdjacentWords(word, ""))


@pytest.mark.parametrize("word", AFTER_A_VERB.split())
def test_before_these_words_stands_a_verb(word):
    assert is_verb("sutures", AdjacentWords("", word))
    assert is_verb("opened", AdjacentWords("have", word))
    assert is_verb("marked", AdjacentWords("capsule", word))


@pytest.mark.parametrize("word", ["of", "is", "are", "was", "were"])
def test_before_these_words_stands_a_noun(word):
    assert not is_verb("suture", AdjacentWords("", word))
    assert is_verb("suture", AdjacentWords("we", word))
    assert is_verb("suture", AdjacentWords("i", word))
    assert is_verb("cut", AdjacentWords("is", word))


@pytest.mark.parametrize(
    "state", ["open", "clean", "clear", "dry", "free", "close", "wet", "numb", "fold", "seal"]
)
@pytest.mark.parametrize(
    "copula", ["is", "are", "was", "were", "be", "been", "being", "has", "have", "had"]
)
def test_states_after_a_copula_are_no_verbs(state, copula):
    assert not is_verb(state, AdjacentWords(copula, ""))
    assert is_verb("cut", AdjacentWords(copula, ""))
    assert not is_verb("cuts", AdjacentWords(copula, ""))


@pytest.mark.parametrize(
    "participle", ["marked", "fixed", "raised", "closed", "opened", "advanced", "reduced"]
)
def test_participles_that_describe_need_a_subject_or_an_object(participle):
    assert not is_verb(participle, AdjacentWords("and", "capsule"))
    assert is_verb(participle, AdjacentWords("and", "the"))
    for subject in [
        "i",
        "we",
        "they",
        "then",
        "not",
        "now",
        "already",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "being",
    ]:
        assert is_verb(participle, AdjacentWords(subject, "capsule"))
    assert is_verb("stained", AdjacentWords("and", "capsule"))


@pytest.mark.parametrize("word", ["has", "have", "had"])
def test_what_has_happened_needs_an_object(word):
    assert is_verb("stained", AdjacentWords(word, "the"))
    assert not is_verb("stained", AdjacentWords(word, "capsule"))


@pytest.mark.parametrize(
    "word",
    ["by", "keep", "start", "started", "am", "i'm", "we're", "while", "when", "without", "is"],
)
def test_a_gerund_before_of_needs_one_of_these_words(word):
    assert is_verb("pulling", AdjacentWords(word, "of"))
    assert not is_verb("pulling", AdjacentWords("gentle", "of"))
    assert is_verb("pulling", AdjacentWords("gentle", ""))


def test_short_words_in_ed_are_no_participles():
    assert is_verb("shed", AdjacentWords("we", ""))
    assert not is_verb("shed", AdjacentWords("capsule", "light"))
    assert is_verb("stained", AdjacentWords("capsule", "light"))


@pytest.mark.parametrize("word", ["that", "which", "who"])
def test_a_relative_clause_has_a_verb_where_an_object_follows(word):
    assert is_verb("sutures", AdjacentWords(word, "the"))


def test_a_noun_before_it_makes_a_word_a_verb_where_an_object_follows():
    assert is_verb("cuts", AdjacentWords("instrument", "it"))
    assert is_verb("cuts", AdjacentWords("instrument", "them"))
    assert not is_verb("cuts", AdjacentWords("instrument", "with"))
    assert is_verb("cuts", AdjacentWords("slowly", "with"))


def test_a_prefix_with_a_hyphen_makes_no_compound():
    for prefix in ("re", "pre"):
        assert is_verb("cut", AdjacentWords(prefix, "it", is_hyphenated=True))


def test_without_words_beside_it_a_bare_form_is_a_verb_and_one_in_s_is_none():
    assert is_verb("cut", AdjacentWords("", ""))
    assert not is_verb("cuts", AdjacentWords("", ""))
    assert not is_verb("cut", AdjacentWords("and", ""))
    assert not is_verb("cut", AdjacentWords("next", "capsule"))
    assert is_verb("cut", AdjacentWords("", "capsule"))


def test_a_participle_that_begins_a_text_is_a_verb_where_its_object_follows():
    assert is_verb("injected", AdjacentWords("", "the"))
    assert is_verb("injected", AdjacentWords("", ""))
    assert not is_verb("injected", AdjacentWords("", "dye"))
