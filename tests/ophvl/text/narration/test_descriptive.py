"""Descriptions of surgery score above the threshold, talk below."""

import pytest

from ophvl.text.concepts.tagging import Tagger
from ophvl.text.narration.descriptive import descriptive_score

DESCRIBING = [
    "I inject viscoelastic into the anterior chamber.",
    "Now the capsulorhexis is started with the cystotome and completed with forceps.",
    "The nucleus is divided and each quadrant is aspirated.",
    "We peel the internal limiting membrane, stained with brilliant blue.",
]
TALKING = [
    "",
    "   ",
    "Hello everyone and welcome back to my channel, please subscribe.",
    "This video is sponsored, the discount code is in the link below.",
    "In a randomized trial 40 percent of eyes had cataract.",
    "A 65-year-old patient presented with reduced visual acuity and glaucoma.",
    "Thank you for watching, see you in the next one.",
    "Any questions about the lens?",
    "The weather in the mountains was lovely.",
    "This episode is brought to you by the makers of the excimer laser.",
    "The next speaker will hold his talk on forceps after the coffee break.",
    "I have no financial interest in the keratome or the forceps.",
    "Our series of ninety eyes with glaucoma showed good outcomes.",
]


@pytest.fixture(scope="module")
def score(matcher):
    tagger = Tagger(matcher)
    return lambda text: descriptive_score(text, tagger.tag(text))


@pytest.mark.parametrize("text", DESCRIBING)
def test_descriptions_score_high(score, text):
    assert score(text) >= 0.6


@pytest.mark.parametrize("text", TALKING)
def test_talk_scores_low(score, text):
    assert score(text) < 0.3


def test_the_score_stays_between_0_and_1(score):
    for text in (*DESCRIBING, *TALKING, "phaco " * 500, " ".join(TALKING), " ".join(DESCRIBING)):
        assert 0.0 <= score(text) <= 1.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("trabeculectomy", 0.15 + 0.15),  # A surgery by its name, dense.
        ("capsulorhexis", 0.30 + 0.15),
        ("forceps", 0.20 + 0.15),
        ("cornea", 0.20 + 0.15),
        ("forceps cornea", 0.20 + 0.20 + 0.15),
        ("now the forceps", 0.20 + 0.15 + 0.15),
        ("forceps " + "of that kind " * 4, 0.20 + 0.15 * 6 / 13),
        ("forceps, any questions", 0.0),
        ("now capsulorhexis, forceps, cornea, lecture", 0.30 + 0.4 + 0.15 + 0.15 - 0.4),
    ],
)
def test_the_score_is_the_sum_that_is_stated(score, text, expected):
    assert score(text) == pytest.approx(expected, abs=1e-6)
