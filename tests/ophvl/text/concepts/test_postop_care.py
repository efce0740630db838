"""Advice for the time after surgery, and treatment during it that only looks like advice."""

import pytest

from schemas.vocab import Kind
from tests.ophvl.text.concepts.spans import advice


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Antibiotic drops for a week.", ["Antibiotic drops for a week"]),
        ("An eye shield at night.", ["eye shield at night"]),
        ("She is reviewed in one week.", ["reviewed in one week"]),
        ("No swimming.", ["No swimming"]),
        ("Antibiotic is given at night.", []),
        ("An antibiotic is injected.", []),
        ("Do not touch the iris.", []),
        ("Do not touch the eye for two days.", ["not touch the eye for two days"]),
    ],
)
def test_advice(text, expected):
    assert advice(text) == expected


def test_known_advice_takes_its_lead_in_and_a_time_that_follows():
    text = "Then wear sunglasses outdoors, and rest."
    start = text.index("sunglasses")
    assert "wear sunglasses outdoors" in advice(text, [(start, start + len("sunglasses"))])
    text = "Then wear sunglasses and rest."
    assert advice(text, [(start, start + len("sunglasses"))]) == ["wear sunglasses"]


@pytest.mark.parametrize("adverb", ["Usually", "We give postoperatively", "Preferably"])
def test_an_adverb_before_the_treatment_is_no_part_of_it(tagger, adverb):
    text = f"{adverb} antibiotic drops for two weeks."
    (advice,) = [a for a in tagger.tag(text) if a.kind is Kind.POSTOP_CARE]
    assert advice.surface == "antibiotic drops for two weeks"


def advised(tagger, text):
    return [a.surface for a in tagger.tag(text) if a.kind is Kind.POSTOP_CARE]


@pytest.mark.parametrize(
    "treatment",
    [
        *("an eye shield", "patches", "an eye pad", "dressings", "a bandage contact lens"),
        *("sunglasses", "drops", "ointment", "steroids", "antibiotics", "lubricants", "tears"),
        *("compresses", "cold packs", "tablets", "painkillers", "massage", "pillows"),
        *("a conformer", "bolsters", "bed rest", "lid hygiene", "positioning", "exercises"),
    ],
)
def test_each_treatment_with_a_time_is_advised(tagger, treatment):
    (found,) = advised(tagger, f"She is given {treatment} for two weeks.")
    assert found.endswith("for two weeks")
    assert found.split()[0] in treatment


@pytest.mark.parametrize(
    "time",
    [
        *("for a week", "for about three days", "for at least a month", "for six to eight weeks"),
        *("every night", "overnight", "tonight", "at bedtime", "until tomorrow", "twice a day"),
        *("once daily", "daily", "every two hours", "every morning", "hourly", "after surgery"),
        *("at home", "on day one", "while sleeping", "the next morning", "within two weeks"),
    ],
)
def test_each_time_makes_a_treatment_advised(tagger, time):
    assert advised(tagger, f"She gets pillows {time}.") != []
    assert advised(tagger, "She gets pillows.") == []


@pytest.mark.parametrize(
    "activity",
    [
        *("flying", "swimming", "driving", "air travel", "contact sports", "the gym"),
        *("heavy lifting", "strenuous work", "eye make-up", "mascara", "sauna", "hot tubs"),
        *("showers", "bending over", "nose blowing", "blowing his nose", "eye rubbing"),
        *("rubbing the eye", "exercise", "exertion", "lifting weights", "scuba", "smoking"),
        "getting the eye wet",
    ],
)
def test_each_activity_that_is_forbidden_is_advised(tagger, activity):
    assert advised(tagger, f"She should avoid {activity}.") != []
    assert advised(tagger, f"He liked {activity}.") == []


@pytest.mark.parametrize(
    "posture",
    [
        *("stay face down", "lie flat", "sleep upright", "keep face-down", "remain supine"),
        *("sit propped up", "lie on her back", "sleep on the side", "rest with her head up"),
    ],
)
def test_each_posture_is_advised(tagger, posture):
    assert advised(tagger, f"She must {posture} for three days.") != []


@pytest.mark.parametrize(
    "border", [".", ";", ",", " but", " because", " so", " and we", " and she", " to prevent"]
)
def test_advice_ends_at_a_border(tagger, border):
    (found, *_) = advised(tagger, f"Antibiotic drops for two weeks{border} glaucoma was seen.")
    assert found == "Antibiotic drops for two weeks"
