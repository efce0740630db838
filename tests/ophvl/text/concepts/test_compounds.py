"""Names with eponyms, gauges and sizes that no list holds."""

import pytest

from ophvl.text.concepts import compounds
from ophvl.text.concepts.compounds import complete_coordinations
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
        ("I hold a Zaldivar forceps.", "Zaldivar forceps"),
        ("The hook, Zaldivar forceps and a swab.", "Zaldivar forceps"),
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
        ("Shiny forceps are closed.", "forceps"),
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


MODIFIERS = (
    "flat curved straight blunt blunt-tipped sharp angled bent disposable diamond serrated toothed "
    "non-toothed smooth irrigating aspirating grasping tying holding locking retractable flexible rigid "
    "wire glass plastic metal steel silicone titanium soft hard foldable preloaded three-piece one-piece "
    "single-piece multifocal toric monofocal hydrophobic hydrophilic acrylic absorbable nonabsorbable "
    "non-absorbable releasable adjustable double-armed braided monofilament interrupted running "
    "continuous mattress purse-string bimanual coaxial microincision trailing leading superior inferior "
    "nasal temporal second vacuum guarded pediatric paediatric microsurgical intraocular vertical "
    "horizontal tapered spatulated cutting solid barbed illuminated wide-angle handheld indirect micro "
    "mini fine long short round ring reverse angulated bipolar monopolar ultrasonic femtosecond argon "
    "diode green"
)


@pytest.mark.parametrize("modifier", MODIFIERS.split())
def test_each_modifier_belongs_to_the_span(matcher, modifier):
    text = f"we hold {modifier} forceps"
    assert f"{modifier} forceps" in [surface for surface, _ in instruments(matcher, text)]
    assert "forceps" in [surface for surface, _ in instruments(matcher, "we hold nice forceps")]


def test_a_modifier_that_begins_a_sentence_belongs_to_the_span(matcher):
    assert [surface for surface, _ in instruments(matcher, "Curved scissors cut.")] == [
        "Curved scissors"
    ]


def test_three_modifiers_belong_to_the_span_at_most(matcher):
    text = "we hold long curved blunt fine forceps"
    assert "curved blunt fine forceps" in [surface for surface, _ in instruments(matcher, text)]


@pytest.mark.parametrize(
    "word",
    [
        "i",
        "the",
        "a",
        "an",
        "this",
        "that",
        "my",
        "your",
        "now",
        "then",
        "and",
        "with",
        "using",
        "our",
        "dr",
        "i'm",
        "we",
    ],
)
def test_a_small_word_in_capitals_is_no_eponym(matcher, word):
    text = f"we hold {word.capitalize()} forceps"
    assert "forceps" in [surface for surface, _ in instruments(matcher, text)]


@pytest.mark.parametrize(
    ("number", "digits"),
    [
        *[("one", 1), ("two", 2), ("three", 3), ("four", 4), ("five", 5), ("six", 6), ("seven", 7)],
        *[("eight", 8), ("nine", 9), ("ten", 10), ("eleven", 11), ("twelve", 12), ("eighteen", 18)],
        *[("twenty", 20), ("thirty", 30), ("forty", 40), ("twenty-seven", 27), ("thirty one", 31)],
        *[("forty-two", 42), ("8", 8), ("10", 10)],
    ],
)
def test_numbers_in_words_are_those_in_digits(number, digits):
    assert compounds._to_digits(number) == compounds._to_digits(str(digits)) == str(digits)


@pytest.mark.parametrize("unit", ["gauge", "gage", "g", "G"])
@pytest.mark.parametrize("number", ["30", "thirty", "Thirty"])
def test_each_way_to_say_a_gauge(matcher, number, unit):
    text = f"we use a {number} {unit} needle"
    ((surface, concept_id),) = instruments(matcher, text)
    assert surface == f"{number} {unit} needle"
    assert concept_id == matcher.concept_of("30 gauge needle", Kind.INSTRUMENT).concept_id


@pytest.mark.parametrize("unit", ["oh", "o", "0", "zero", "Oh", "O"])
def test_each_way_to_say_a_suture_size(matcher, unit):
    ((surface, concept_id),) = instruments(matcher, f"closed with ten-{unit} nylon")
    assert (surface, concept_id) == (f"ten-{unit} nylon", "instrument:10-0_nylon_suture")


@pytest.mark.parametrize("joint", ["and", "or", "and the", "or the", ", and", ", or the"])
def test_each_way_to_share_a_head(matcher, joint):
    blank = "" if joint.startswith(",") else " "
    text = f"the superior{blank}{joint} inferior rectus are exposed"
    attributes = Tagger(matcher).tag(text)
    assert [a.surface for a in attributes if a.kind is Kind.ANATOMY] == [
        "superior",
        "inferior rectus",
    ]


def test_causes_and_complications_do_not_share_a_head(matcher):
    text = "old and penetrating trauma"
    assert matcher.concept_of("old trauma", Kind.DISEASE_CAUSE)
    found = matcher.find(text)
    assert not list(complete_coordinations(found, text, matcher))
