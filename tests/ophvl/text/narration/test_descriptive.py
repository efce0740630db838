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


def test_a_text_without_words_scores_0(matcher):
    attributes = Tagger(matcher).tag("capsulorhexis")
    assert attributes
    assert descriptive_score("?!", attributes) == 0.0


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
        ("now we use it here, gently", 0.0),  # No concept.
        ("now capsulorhexis, forceps, cornea, lecture", 0.30 + 0.4 + 0.15 + 0.15 - 0.4),
    ],
)
def test_the_score_is_the_sum_that_is_stated(score, text, expected):
    assert score(text) == pytest.approx(expected, abs=1e-6)


FULL = "now capsulorhexis, forceps, cornea"
"""Scores 0.85: an action, a tool, a place, speech in the room, density."""


@pytest.mark.parametrize(
    "words",
    [
        *["I", "we", "here", "now", "next", "I'm", "we\u2019re", "you see", "you can notice"],
        *["note how", "note the", "note that", "is being", "are being", "gently", "carefully"],
        *["slowly", "using", "with a", "with the", "with my"],
    ],
)
def test_words_of_speech_in_the_room(score, words):
    assert score(f"{words} forceps") == pytest.approx(0.20 + 0.15 + 0.15)
    assert score(f"x{words}x forceps") == pytest.approx(0.20 + 0.15)


OFF_TOPIC = [
    *["hello", "hi everyone", "hi everybody", "good morning", "good evening", "good afternoon"],
    *["welcome", "thanks", "thank you", "see you", "my name is", "I am Dr", "I'm Dr", "hope you"],
    *[
        "stay tuned",
        "gratitude",
        "grateful",
        "dedicate",
        "dedicated",
        "pleasure to",
        "for watching",
    ],
    *["for joining", "for your attention", "organizers", "organiser", "enjoyed", "raise your hand"],
    *["subscribe", "like and share", "comment", "comments", "channel", "bell icon", "link below"],
    *["link in", "link is", "website", "sponsor", "sponsored", "discount", "promo"],
    *["brought to you", "episode", "registration", "register", "half price", "use the code"],
    *["wet lab", "workshop", "course", "courses", "webinar", "fellowship", "conflict of interest"],
    *["financial interest", "financial disclosures", "disclosure", "speaker", "podium", "panel"],
    *["audience", "committee", "congress", "conference", "session", "chair", "chairman"],
    *["chairperson", "coffee", "phone", "like button", "tutorial", "residents", "video"],
    *["credit points", "trained in", "trained at", "next talk", "next lecture", "let me know"],
    *["any questions", "which one do you", "do you prefer", "questions", "what do you think"],
    *["hear from", "would you", "study", "studies", "percent", "per cent of eyes", "trial"],
    *["published", "literature", "meta-analysis", "p value", "randomised", "randomized"],
    *["guideline", "evidence", "lecture", "talk on", "talk about", "presentation", "slide"],
    *["incidence", "prevalence", "data", "journal", "outcome", "success was", "success rate is"],
    *["success of", "series of", "cohort", "survey", "theory", "history of", "40 %", "40%"],
    *["year-old", "year old", "presented with", "presents with", "complained of"],
    *["complaining of", "complains of", "visual acuity", "referred", "diagnosed"],
    *["on examination", "last week", "month ago", "months ago", "year ago", "underwent"],
]


@pytest.mark.parametrize("words", OFF_TOPIC)
def test_each_sign_of_other_talk_costs(score, words):
    full = score(f"{FULL} zzz")
    assert score(f"{FULL} {words}") <= full - 0.4 + 0.15 + 1e-6
    if words[-1] != "%":
        assert score(f"{FULL} zz{words}zz") >= full - 0.15


def test_a_question_mark_counts_at_the_end(score):
    assert score(f"{FULL} ? ") == pytest.approx(score(FULL) - 0.4)
    assert score(f"{FULL} ? then") > score(FULL) - 0.15
