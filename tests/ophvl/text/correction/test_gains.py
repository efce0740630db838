"""What candidates gain, in numbers, on an ontology of a few terms: each weight and limit has its case."""

import math
from types import MappingProxyType

import pytest

from ophvl.ontology import Concept, Ontology
from ophvl.text.correction import candidates
from ophvl.text.correction.candidates import Candidate, CandidateGenerator
from ophvl.text.correction.corrector import MIN_GAIN
from ophvl.text.correction.lexicon import Lexicon, LexiconEntry
from ophvl.text.correction.phonetics import distance, key, sounds
from ophvl.text.correction.tokens import sounds_of, tokenize
from ophvl.text.correction.word_frequency import UNKNOWN, log_probability
from schemas.vocab import Kind

TERMS = {
    Kind.INSTRUMENT: [
        "keratome",
        "sinskey hook",
        "crescent blade",
        "iris hook",
        "capsule hook",
        "lewicky hook",
    ],
    Kind.ANATOMY: ["zonule", "fovea", "vitreous", "trabecular meshwork", "lamina cribrosa"],
    Kind.DISEASE: ["pterygium", "keratoconus", "recurrent pterygium", "macular hole"],
    Kind.SURGERY: ["viscocanalostomy", "pterygium excision"],
    Kind.MEDICATION: ["trypan blue", "moxifloxacin"],
    Kind.ACTION: ["phacoemulsify"],
}
ON_TOPIC = "zonule fovea vitreous. "


@pytest.fixture(scope="module")
def small() -> Ontology:
    concepts = [
        Concept(concept_id=f"{kind}:{term.replace(' ', '_')}", kind=kind, label=term)
        for kind, terms in TERMS.items()
        for term in terms
    ]
    letters = Concept(
        concept_id="medication:bss", kind=Kind.MEDICATION, label="balanced salt solution",
        abbreviations=("BSS",),
    )  # fmt: skip
    by_id = {concept.concept_id: concept for concept in (*concepts, letters)}
    return Ontology(concepts=MappingProxyType(by_id), rules=(), revision="small")


@pytest.fixture(scope="module")
def generator(small: Ontology) -> CandidateGenerator:
    return CandidateGenerator(Lexicon(small), min_gain=MIN_GAIN)


def found(generator: CandidateGenerator, text: str) -> dict[tuple[str, str], Candidate]:
    """The candidates by replaced words and new text; of equal ones that of the largest gain."""
    tokens = tokenize(text)
    ranked = sorted(generator.candidates(tokens), key=lambda c: c.gain)
    return {(" ".join(t.word for t in tokens[c.first : c.stop]), c.entry.text): c for c in ranked}


def apart(words: str, term: str) -> float:
    """Distance of words from a term by sound."""
    return distance(sounds_of(tokenize(words)), "".join(map(sounds, term.split())))


def test_a_word_that_sounds_like_a_rare_term(generator):
    candidate = found(generator, ON_TOPIC + "karatome")["karatome", "keratome"]
    assert candidate.rule == "sounds_like"
    expected = -8.5 - 4.5 * apart("karatome", "keratome") - UNKNOWN
    assert candidate.gain == pytest.approx(expected)


def test_more_terms_with_the_word_gain_more(generator):
    candidate = found(generator, ON_TOPIC + "teregium")["teregium", "pterygium"]
    expected = -8.5 + 0.7 * math.log(3) - 4.5 * apart("teregium", "pterygium") - UNKNOWN
    assert candidate.gain == pytest.approx(expected)


def test_a_plural_by_rule_costs(generator):
    candidate = found(generator, ON_TOPIC + "karatomes")["karatomes", "keratomes"]
    expected = -8.5 - 0.7 - 4.5 * apart("karatomes", "keratomes") - UNKNOWN
    assert candidate.gain == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("teregium", 0.0),
        ("teregium fovea", 1 / (1.5 + 2 / 60)),
        ("teregium fovea so", 1 / (1.5 + 3 / 60)),
        ("teregium macular fovea", 1.0),
        (
            "teregium macular",
            (1 if log_probability("macular") < math.log(3e-6) else 0.4) / (1.5 + 2 / 60),
        ),
        ("teregium hook", 0.0),
        ("teregium blade", 0.4 / (1.5 + 2 / 60)),
    ],
)
def test_the_surer_the_topic_the_more_a_word_gains(generator, text, topic):
    tokens = tokenize(text)
    assert generator._topic(tokens) == pytest.approx(min(1.0, topic))
    strict = CandidateGenerator(generator._lexicon, min_gain=-20.0)
    entry = next(iter(strict._find_similar(tokens[0].sounds)))[0]
    gains = [c.gain for c in strict._standalone(tokens, topic) if c.first == 0 and c.entry is entry]
    likelihood = 0.7 * math.log(3) - 4.5 * apart("teregium", "pterygium")
    assert gains == [pytest.approx(-8.5 - 14.0 * (1 - topic) + likelihood - UNKNOWN)]


def test_words_that_are_joined(generator):
    candidate = found(generator, ON_TOPIC + "visco canalostomy")[
        "visco canalostomy", "viscocanalostomy"
    ]
    assert candidate.rule == "joined"
    english = 3.0 + log_probability("visco") + log_probability("canalostomy")
    assert candidate.gain == pytest.approx(-8.5 + 2.5 - english)
    assert not [
        c for c in found(generator, ON_TOPIC + "visco-canalostomy").values() if c.rule == "joined"
    ]


def test_words_of_a_group_are_not_independent(generator):
    candidate = found(generator, ON_TOPIC + "carrot home")["carrot home", "keratome"]
    english = 3.0 + log_probability("carrot") + log_probability("home")
    expected = -8.5 - 4.5 * apart("carrot home", "keratome") - english
    assert candidate.gain == pytest.approx(expected)


def test_the_rest_of_a_term(generator):
    candidate = found(generator, ON_TOPIC + "sin sky hook")["sin sky", "Sinskey"]
    assert candidate.rule == "rest_of_term"
    heads = generator._lexicon.completions_before("hook")
    assert sorted({entry.text for entry in heads}) == [
        "Sinskey",
        "capsule",
        "lewicky",
    ]  # "iris" is too short
    english = 3.0 + log_probability("sin") + log_probability("sky")
    of_two_terms = 0.25 * math.log(2)  # "sinskey hook" and "sinskey hooks"
    far = 2.8 * apart("sin sky", "sinskey")
    assert far > 0
    expected = -3.0 - 0.25 * math.log(len(heads)) + of_two_terms - far - english
    assert candidate.gain == pytest.approx(expected)


def test_the_rest_of_a_term_where_the_topic_is_not_sure(generator):
    def gain(text: str) -> float:
        return found(generator, text)["sin sky", "Sinskey"].gain

    less = generator._topic(tokenize("fovea sin sky hook"))
    assert 0 < less < 1
    expected = gain(ON_TOPIC + "sin sky hook") - 14.0 / 2 * (1 - less)
    assert gain("fovea sin sky hook") == pytest.approx(expected)


@pytest.mark.parametrize("heard", ["sinskey hook", "fovea hook"])
def test_what_is_a_term_or_a_surgical_word_is_completed_by_no_other(generator, heard):
    assert not [c for c in found(generator, ON_TOPIC + heard).values() if c.rule == "rest_of_term"]


def test_a_surgical_word_of_the_text_is_likely_as_it_stands(generator):
    english = generator._english(("fovea", "home"))
    assert log_probability("fovea") < -6.0
    assert english == pytest.approx(3.0 - 6.0 + log_probability("home"))
    assert generator._english(("home",)) == log_probability("home")


@pytest.mark.parametrize(
    ("text", "known"), [("fovea vitreous eczema laser", True), ("eczema laser", False)]
)
def test_a_confirmed_mishearing_needs_the_topic(generator, text, known):
    gains = [c.gain for (w, _), c in found(generator, text).items() if c.rule == "known_mishearing"]
    assert gains == ([6.0] if known else [])


def test_the_topic_that_a_confirmed_mishearing_needs(generator):
    tokens = tokenize("eczema laser")
    assert list(generator._known(tokens, 0.39)) == []
    assert [c.gain for c in generator._known(tokens, 0.4)] == [6.0]


@pytest.mark.parametrize(
    ("words", "limit"),
    [
        *[("qzxv", 0.22), ("table", 0.085), ("fovea", 0.0), ("keratolysis", 0.0)],
        *[
            ("table anneal", 0.22),
            ("table pneumatic", 0.17),
            ("table qzxv", 0.22),
            ("table chair", 0.17),
            ("fovea zonule", 0.0),
        ],
        *[("hole table", 0.17), ("table keratolysis", 0.0), ("cystic", 0.085)],
    ],
)
def test_how_far_words_may_be_from_a_term(generator, words, limit):
    assert generator._limit(tuple(words.split()), generator._lexicon.words) == limit


@pytest.mark.parametrize(
    ("spoken", "drug", "spelled", "allowed"),
    [
        ("p" * 5 + "h" * 2, False, False, 0.2 * 5.5),
        ("p" * 11, False, False, 0.2 * 11 * 1.4),
        ("p" * 2, False, False, 0.2 * 2 * 0.7),
        ("p" * 5 + "h" * 2, True, False, 0.6 * 0.2 * 5.5),
        ("p" * 11, False, True, 0.42),
    ],
)
def test_long_words_may_be_further_from_a_term_than_short_ones(spoken, drug, spelled, allowed):
    entry = LexiconEntry(text="x", sounds=spoken, is_medication=drug, is_spelled=spelled)
    assert candidates._allowed(0.2, entry) == pytest.approx(allowed)


def test_a_completion_is_measured_by_its_own_size():
    entry = LexiconEntry(text="x", sounds="pppp")
    assert candidates._allowed_completion(0.3, entry) == pytest.approx(1.2)
    letters = LexiconEntry(text="x", sounds="pppp", is_spelled=True)
    assert candidates._allowed_completion(0.3, letters) == pytest.approx(0.84)


@pytest.mark.parametrize(
    ("text", "topic", "entry", "plausible"),
    [
        ("VSS", 1.0, "BSS", True),
        ("VSS", 0.99, "BSS", False),
        ("vessel", 1.0, "BSS", False),
        ("V SS", 1.0, "BSS", True),
        ("vee SS", 1.0, "BSS", False),
        ("teregium", 0.0, "pterygium", True),
        ("kerygium", 0.0, "pterygium", False),
        ("tedium", 1.0, "pterygium", True),
        ("tedium", 0.99, "pterygium", False),
        ("carrot home", 0.0, "keratome", True),
        ("parrot home", 0.0, "keratome", True),
    ],
)
def test_letters_stand_for_letters_and_words_begin_alike(text, topic, entry, plausible):
    spelled = entry.isupper()
    term = LexiconEntry(
        text=entry, sounds="bieses" if spelled else sounds(entry), is_spelled=spelled
    )
    assert candidates._is_plausible(tokenize(text), term, topic) is plausible


@pytest.mark.parametrize(
    ("words", "term", "drug", "apart_by", "may"),
    [
        ("teregium", "pterygium", False, 0.5, True),
        # A word of the term itself stays.
        ("sinskey hooks", "sinskey hook", False, 0.1, False),
        ("iris cook", "iris hook", False, 0.1, False),
        # A drug becomes no other drug, but a part of one may become the whole.
        ("moxifloxacin", "ofloxacin", True, 0.1, False),
        ("moxifloxacin", "keratome", False, 0.1, True),
        ("trypan", "neotrypanol", True, 0.1, True),
        # Terms with another ending, and words that a term's own word completes.
        ("zonule", "zonular", False, 0.1, False),
        ("viscocanalostomys", "viscocanalostomy", False, 0.1, False),
        ("sinky hook", "sinskeyhook", False, 0.1, False),
        ("sinskey hook", "sinskeyhook", False, 0.1, False),
        # Words that are the term but for blanks and small words.
        ("kera tome", "keratome", False, 0.0, False),
        ("kera to tome", "keratome", False, 0.0, False),
        ("kera the tomes", "keratome", False, 0.0, False),
        # A listed word that begins like the term is related to it; an unlisted one only if it sounds unlike.
        ("keratoid", "keratome", False, 0.2, True),
        ("keratoid", "keratome", False, 0.9, False),
        ("possible", "possibxx", False, 0.2, False),
    ],
)
def test_what_words_may_become(generator, words, term, drug, apart_by, may):
    entry = LexiconEntry(text=term, sounds=sounds(term), is_medication=drug)
    assert generator._may_become(tuple(words.split()), entry, apart_by) is may


def test_small_words_and_whole_terms_are_correct_as_they_stand(generator):
    def positions(text: str) -> tuple[set[int], set[int]]:
        return generator._correct_positions(tokenize(text))

    small = "a an and as at by for from i in into is it of off on or so the to was we with"
    assert positions(small) == (set(range(len(small.split()))), set())
    assert positions("table fovea table") == ({1}, set())
    assert positions("table sinskey hook") == ({1, 2}, {1, 2})
    assert positions("sinskey table hook") == (set(), set())
    assert positions("balanced salt solution table") == ({0, 1, 2}, {0, 1, 2})


def test_a_completion_in_another_term_is_none(generator):
    assert not found(generator, ON_TOPIC + "iris hook blade")
    assert not found(generator, ON_TOPIC + "trabecular meshwork excision")


def test_completions_with_very_different_sounds_are_no_candidates(generator):
    similar = generator._find_similar_completions("hook", False, "kapsulikulatomasas")
    assert [entry.text for entry, _ in similar] == []
    (same,) = generator._find_similar_completions("hook", False, sounds("capsule"))
    assert (same[0].text, same[1]) == ("capsule", 0.0)


def test_completions_that_begin_alike_may_be_further_apart(generator):
    def texts(heard: str) -> list[str]:
        return [e.text for e, _ in generator._find_similar_completions("hook", False, heard)]

    capsule = sounds("capsule")
    assert key("kas@l")[:1] == key(capsule)[:1]
    assert distance("kas@l", capsule) <= 0.42 * 4.7
    assert texts("kaS@l") == ["capsule"]
    assert texts("paS@l") == []
    assert distance("tapsul", capsule) == pytest.approx(0.8)
    assert texts("tapsul") == []  # Of 4.5 sounds, a sixth may differ.
