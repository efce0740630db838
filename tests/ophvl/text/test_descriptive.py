"""Descriptions of surgery score above the threshold, talk below."""

import pytest

from ophvl.text.descriptive import descriptive_score

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
]


@pytest.mark.parametrize("text", DESCRIBING)
def test_descriptions_score_high(matcher, text):
    assert descriptive_score(text, matcher.find(text)) >= 0.6


@pytest.mark.parametrize("text", TALKING)
def test_talk_scores_low(matcher, text):
    assert descriptive_score(text, matcher.find(text)) < 0.3


def test_the_score_stays_between_0_and_1(matcher):
    for text in (*DESCRIBING, *TALKING, "phaco " * 500, " ".join(TALKING), " ".join(DESCRIBING)):
        assert 0.0 <= descriptive_score(text, matcher.find(text)) <= 1.0
