"""Advice for the time after surgery, and treatment during it that only looks like advice."""

import pytest

from ophvl.text.concepts.cue_index import CueIndex
from ophvl.text.concepts.postop_care import advice_spans
from schemas.vocab import Kind


def advice(text, known=()):
    """The advice of a text by start; two rules may find the same."""
    spans = sorted(set(advice_spans(CueIndex(text), known)))
    return [text[start:end] for start, end in spans]


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
