"""Names with eponyms, gauges and sizes that no list holds."""

import pytest

from ophvl.text.concepts.tagging import Tagger
from schemas.vocab import Kind


def instruments(matcher, text):
    return [
        (a.surface, a.concept_id) for a in Tagger(matcher).tag(text) if a.kind is Kind.INSTRUMENT
    ]


@pytest.mark.parametrize(
    ("text", "surface"),
    [
        ("I use a thirty gauge needle here.", "thirty gauge needle"),
        ("A twenty-seven gauge needle is bent.", "twenty-seven gauge needle"),
        ("Then a 30-gauge needle.", "30-gauge needle"),
        ("I hold it with Zaldivar forceps.", "Zaldivar forceps"),
        ("It is lifted with the Fictitious-Smith spatula.", "Fictitious-Smith spatula"),
        ("A curved cannula goes in.", "curved cannula"),
        ("We place interrupted sutures.", "interrupted sutures"),
    ],
)
def test_modifiers_that_name_the_kind_belong_to_the_span(matcher, text, surface):
    assert surface in [s for s, _ in instruments(matcher, text)]


@pytest.mark.parametrize(
    ("text", "surface"),
    [
        ("The forceps are closed.", "forceps"),
        ("Now forceps please.", "forceps"),
        ("I use my forceps.", "forceps"),
        ("I hold the iris, Now forceps please.", "forceps"),
        ("Let us pick up Our forceps.", "forceps"),
        ("Forceps. Cannula next.", "Cannula"),
    ],
)
def test_other_words_stay_outside_the_span(matcher, text, surface):
    assert surface in [s for s, _ in instruments(matcher, text)]


def test_a_size_never_becomes_another(matcher):
    (sized,) = instruments(matcher, "closed with ten-oh nylon")
    assert sized == ("ten-oh nylon", "instrument:10-0_nylon_suture")
    labels = [
        a.label
        for a in Tagger(matcher).tag("closed with four-oh nylon")
        if a.kind is Kind.INSTRUMENT
    ]
    assert labels
    assert not any(label.startswith("10-0") for label in labels)
    ((_, concept_id),) = instruments(matcher, "closed with four-oh 10-0 nylon")
    assert concept_id == "instrument:nylon_suture"


def test_coordinated_names_share_their_head(matcher):
    attributes = Tagger(matcher).tag("the superior and inferior rectus are exposed")
    assert [(a.surface, a.concept_id) for a in attributes if a.kind is Kind.ANATOMY] == [
        ("superior", "anatomy:superior_rectus_muscle"),
        ("inferior rectus", "anatomy:inferior_rectus_muscle"),
    ]


def test_a_size_without_an_entry_of_its_own_keeps_the_concept_of_the_head(matcher):
    (found,) = instruments(matcher, "The skin is closed with a 3-0 PDS suture.")
    assert found == ("3-0 PDS suture", matcher.concept_of("pds suture", Kind.INSTRUMENT).concept_id)
