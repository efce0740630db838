"""Candidates for corrections: what is proposed, and what is never proposed."""

import pytest

from ophvl.text.correction.candidates import CandidateGenerator
from ophvl.text.correction.corrector import MIN_GAIN
from ophvl.text.correction.lexicon import Lexicon
from ophvl.text.correction.tokens import tokenize

SURGERY = "We inject {} into the anterior chamber after phacoemulsification of the cataract."


@pytest.fixture(scope="module")
def generator(lexicon: Lexicon) -> CandidateGenerator:
    return CandidateGenerator(lexicon, min_gain=MIN_GAIN)


def proposed(generator: CandidateGenerator, text: str) -> set[tuple[str, str, str]]:
    """The candidates that gain enough: replaced words, new text, rule."""
    tokens = tokenize(text)
    return {
        (" ".join(t.word for t in tokens[c.first : c.stop]), c.entry.text, c.rule)
        for c in generator.candidates(tokens)
        if c.gain >= MIN_GAIN
    }


@pytest.mark.parametrize(
    ("text", "candidate"),
    [
        ("The capsule or bag of the cataract.", ("capsule or bag", "capsular bag")),
        (SURGERY.format("moxifloxasin"), ("moxifloxasin", "moxifloxacin")),
        (SURGERY.format("levo ofloxacin"), ("levo ofloxacin", "levofloxacin")),
        (SURGERY.format("tripan blue"), ("tripan", "trypan")),
        (SURGERY.format("visco elastic"), ("visco elastic", "viscoelastic")),
    ],
)
def test_misheard_terms_are_proposed(generator, text, candidate):
    assert candidate in {(words, after) for words, after, _ in proposed(generator, text)}


@pytest.mark.parametrize(
    "drug",
    [
        *("ranibizumab", "bevacizumab", "aflibercept", "moxifloxacin", "gatifloxacin"),
        *("tobramycin", "vancomycin", "brinzolamide", "dorzolamide", "carbachol", "pilocarpine"),
        *("aciclovir", "ganciclovir", "natamycin", "gentamicin", "cefuroxime", "cefazolin"),
        *("lidocaine", "bupivacaine", "tropicamide", "phenylephrine", "dexamethasone"),
    ],
)
def test_a_drug_never_becomes_another_drug(generator, drug):
    for text in (drug, f"{drug} or", f"can {drug}", f"the {drug} mycin"):
        assert not [
            (words, after)
            for words, after, _ in proposed(generator, SURGERY.format(text))
            if drug in words.split() and drug not in after.lower()
        ]


@pytest.mark.parametrize("words", ["cain aciclovir", "a jen natamycin", "moxy ofloxacin"])
def test_a_drug_with_a_stray_word_before_it_stays(generator, words):
    drug = words.split()[-1]
    assert not [c for c in proposed(generator, SURGERY.format(words)) if drug in c[0].split()]


@pytest.mark.parametrize("drug", ["pefloxacin", "viomycin", "plazomicin", "tigecycline"])
def test_drugs_that_the_ontology_lacks_need_closer_sounds_to_become_another(generator, drug):
    assert not [c for c in proposed(generator, SURGERY.format(drug)) if c[0] == drug]


def test_a_longer_term_is_complete(generator):
    text = "This corneal scar is due to an old keratitis."
    assert proposed(generator, text) == set()


@pytest.mark.parametrize(
    "text",
    [
        "The canaliculus and the canaliculi of the eyelid.",
        "An iridotomy and an iridectomy in glaucoma.",
        "The phakic and the aphakic eye with a cataract.",
        SURGERY.format("perforate ing"),
    ],
)
def test_forms_of_one_word_stay(generator, text):
    assert proposed(generator, text) == set()


def test_nothing_is_proposed_where_surgery_is_not_the_topic(generator):
    assert proposed(generator, "The phobia of the tenants at the circus.") == set()
