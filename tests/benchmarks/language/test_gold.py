"""The scoring rules, on cases small enough to count by hand."""

from __future__ import annotations

import pytest

from benchmarks.language.gold import (
    destroyed_terms,
    kind_itself,
    remaining_noise,
    score_tagging,
    score_titles,
)

TEXT = "I polish the posterior capsule, no sutures."


def attribute(kind: str, surface: str, *, text: str = TEXT, negated: bool = False):
    start = text.index(surface)
    return {
        "kind": kind,
        "surface": surface,
        "start": start,
        "end": start + len(surface),
        "negated": negated,
    }


def narration(*attributes, asr_text: str = TEXT):
    return {
        "id": 1,
        "text": TEXT,
        "asr_text": asr_text,
        "descriptive": True,
        "attributes": attributes,
    }


def said(*attributes, corrected: str = TEXT, descriptive: bool = True):
    return {1: {"corrected": corrected, "descriptive": descriptive, "attributes": attributes}}


GOLD = narration(
    attribute("action", "polish"),
    attribute("anatomy", "posterior capsule"),
    attribute("instrument", "sutures", negated=True),
)


def test_kinds_are_grouped_and_spans_need_overlap() -> None:
    score = score_tagging(
        [GOLD],
        said(
            attribute("phase", "polish"),  # another kind of the same group
            attribute("anatomy", "capsule"),  # 7 of 17 characters: 0.41
            attribute("instrument", "sutures", negated=True),
            attribute("medication", "the"),
        ),
    )
    assert (score.all.matched, score.all.predicted, score.all.gold) == (3, 4, 3)
    assert (score.core.matched, score.core.predicted, score.core.gold) == (2, 3, 2)
    assert (score.negation_right, score.negation_judged) == (1, 1)
    assert score.descriptive == 1.0


def test_by_itself_a_kind_must_be_the_same() -> None:
    score = score_tagging([GOLD], said(attribute("phase", "polish")), kind_itself)
    assert score.kinds["action"].f1 == 0.0


def test_too_small_an_overlap_finds_nothing() -> None:
    score = score_tagging([GOLD], said(attribute("anatomy", "caps")))
    assert score.all.matched == 0


def test_one_prediction_finds_one_gold_attribute() -> None:
    twice = narration(attribute("anatomy", "capsule"), attribute("anatomy", "posterior capsule"))
    assert score_tagging([twice], said(attribute("anatomy", "posterior capsule"))).all.matched == 1


def test_a_missed_denial_counts_against_negation() -> None:
    score = score_tagging([GOLD], said(attribute("instrument", "sutures")))
    assert (score.negation_right, score.negation_judged) == (0, 1)


def test_spans_of_a_corrected_text_are_carried_back() -> None:
    corrected = "So I polish the the posterior capsule, no sutures."
    found = attribute("anatomy", "posterior capsule", text=corrected)
    assert score_tagging([GOLD], said(found, corrected=corrected)).all.matched == 1


def test_terms_are_destroyed_where_their_words_are_gone() -> None:
    misheard = narration(
        attribute("action", "polish"),
        attribute("anatomy", "posterior capsule"),
        attribute("objective", "no sutures"),
        asr_text="I polish the posterior capsules",
    )
    assert destroyed_terms(misheard) == []
    assert destroyed_terms({**misheard, "asr_text": "I police the cup"}) == [
        "polish",
        "posterior capsule",
    ]


@pytest.mark.parametrize(
    ("found", "counts"),
    [(["phaco chop"], (1, 1, 1)), (["chop", "crack"], (1, 2, 1)), (["stop and go"], (0, 1, 1))],
)
def test_title_values_are_found_by_their_words(found, counts) -> None:
    fields = {"surgery": [], "condition": [], "device": [], "eye": None, "noise": ["HD"]}
    gold = [{"id": 1, "expected": {**fields, "is_surgical": True, "technique": ["phaco chop"]}}]
    answer = {1: {**fields, "is_surgical": True, "technique": found, "title": "Phaco in hd"}}
    score = score_titles(gold, answer)["technique"]
    assert (score.matched, score.predicted, score.gold) == counts
    assert remaining_noise(gold, answer) == [("HD", "Phaco in hd")]
