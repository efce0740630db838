"""Corrections of misheard surgical speech, with the packaged ontology."""

import math
from collections.abc import Sequence

import pytest

from ophvl.ontology import Ontology
from ophvl.text.correction.corrector import MIN_GAIN, Corrector
from ophvl.text.edits import apply
from schemas.narrations import Edit


@pytest.mark.parametrize(
    ("recognised", "corrected"),
    [
        ("We stain the capsule with tripan blue.", "We stain the capsule with trypan blue."),
        (
            "A capsule or hexus is done under visco elastic.",
            "A capsulorhexis is done under viscoelastic.",
        ),
        (
            "After fake emulsification the cortex is aspirated from the capsular bag.",
            "After phacoemulsification the cortex is aspirated from the capsular bag.",
        ),
        (
            "The cataract is chopped with the fellow probe under viscoelastic.",
            "The cataract is chopped with the phaco probe under viscoelastic.",
        ),
        (
            "I grab the rhexis flap with you trotter forceps.",
            "I grab the rhexis flap with Utrata forceps.",
        ),
        (
            "Cortical cleaving, then hydro deline nation of the nucleus.",
            "Cortical cleaving, then hydrodelineation of the nucleus.",
        ),
        (
            "The zone yules of the lens capsule are weak.",
            "The zonules of the lens capsule are weak.",
        ),
        (
            "Wash the cornea and sclera with VSS again.",
            "Wash the cornea and sclera with BSS again.",
        ),
    ],
)
def test_corrects(corrector: Corrector, recognised: str, corrected: str) -> None:
    assert apply(recognised, corrector.edits(recognised)) == corrected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...",
        "So we are going to have a look at the weather in the city this afternoon.",
        "No sutures on the left cornea, two on the right limbus, 2.4 mm keratome.",
        "Moxifloxacin, levofloxacin and gatifloxacin go into the anterior chamber by cannula.",
        "Bevacizumab or ranibizumab is given through the pars plana.",
        "The aphakic eye, the phakic eye and the pseudophakic eye have a cornea and an iris.",
        "The canaliculus and the canaliculi, an iridotomy and an iridectomy, the trabeculum.",
        "Keratolysis of the corneal stroma and a cyclocryodestruction.",
        "Cross-linking and a run out of the rhexis near the zonules.",
        "\u767d\u5185\u969c surgery \u0130stanbul \U0001f441",
    ],
)
def test_leaves_alone(corrector: Corrector, text: str) -> None:
    assert corrector.edits(text) == ()


@pytest.mark.parametrize("fixed", ["two", "left", "no", "without", "isn't", "2.4", "nasal", "both"])
def test_numbers_sides_and_negations_stay(corrector: Corrector, fixed: str) -> None:
    text = (
        f"The keratome and the rexes {fixed} tripan {fixed} zone yules {fixed} carrot home {fixed}."
    )
    edits = corrector.edits(text)
    assert edits
    assert apply(text, edits).split().count(fixed) == 3
    assert not any(fixed in edit.before.split() for edit in edits)


def test_corrects_only_where_surgery_is_the_topic(corrector: Corrector) -> None:
    assert corrector.edits("He has a phobia of spiders and the tenants were at the circus.") == ()
    edits = corrector.edits("The macula and the phobia are attached to the retinal epithelium.")
    assert [(edit.before, edit.after) for edit in edits] == [("phobia", "fovea")]


def test_edits_can_be_undone_one_by_one(corrector: Corrector) -> None:
    text = "Tripan blue stains the capsule for the rexes, then visco elastic."
    edits = corrector.edits(text)
    assert len(edits) == 3
    assert all(text[edit.start : edit.end] == edit.before and 0 < edit.score <= 1 for edit in edits)
    assert [(e.start, e.end) for e in edits] == sorted((e.start, e.end) for e in edits)
    assert "Tripan" in apply(text, edits[1:])


def test_capitals_of_a_whole_text_are_none_of_a_name(corrector: Corrector) -> None:
    (edit,) = corrector.edits("WE STAIN THE CAPSULE WITH TRIPAN BLUE.")
    assert (edit.before, edit.after) == ("TRIPAN", "trypan")


def test_a_scorer_adds_to_what_the_words_gain(ontology: Ontology, corrector: Corrector) -> None:
    class Indifferent:
        revision = "indifferent"

        def gains(self, text: str, edits: list[Edit]) -> list[float]:
            return [0.0 for _ in edits]

    text = "We stain the capsule with tripan blue."
    scored = Corrector(ontology, Indifferent())  # type: ignore[arg-type]
    assert scored.edits(text) == corrector.edits(text) != ()


def test_a_scorer_may_refuse(ontology: Ontology) -> None:
    class Refuses:
        revision = "refuses"

        def gains(self, text: str, edits: list[Edit]) -> list[float]:
            return [-100.0 for _ in edits]

    corrector = Corrector(ontology, Refuses())  # type: ignore[arg-type]
    assert corrector.edits("We stain the capsule with tripan blue.") == ()
    assert "refuses" in corrector.revision


@pytest.mark.parametrize(
    "text",
    [
        "The tube is tied off with Vicryl.",
        "I score and strip the Descemet membrane.",
        "In small incision cataract surgery the tunnel is dissected.",
        "The femtosecond laser cuts the lenticule.",
        "This corneal scar is due to an old keratitis.",
    ],
)
def test_words_that_are_terms_as_they_stand_are_left_alone(corrector, text):
    assert corrector.edits(text) == ()


def test_a_possessive_of_the_text_is_not_doubled(corrector: Corrector) -> None:
    text = "The decimate's membrane is peeled from the graft on the cornea."
    edits = corrector.edits(text)
    assert apply(text, edits) == "The Descemet's membrane is peeled from the graft on the cornea."


def test_what_gains_less_than_the_least_is_no_edit(ontology: Ontology) -> None:
    text = "The decimate's membrane is peeled from the graft on the cornea."
    scorer, scores = Less(), set[float]()
    corrector = Corrector(ontology, scorer)
    for half_nats in range(40):
        scorer.nats = half_nats / 2
        scores.update(edit.score for edit in corrector.edits(text))
    least = round(1 / (1 + math.exp(-MIN_GAIN)), 3)
    assert len(scores) > 2
    assert min(scores) >= least


@pytest.mark.parametrize(
    "text",
    [
        "Müller muscle is shortened with the Castroviejo caliper.",
        "In this eye with Behçet disease we remove the vitreous.",
        "Sjögren syndrome, Löfgren syndrome and the naïve pupil of the eye.",
        "The Ahmed valve of Señor Núñez lies in Tenon's capsule, and Çelik holds the iris.",
    ],
)
def test_accents_are_no_mishearing(corrector: Corrector, text: str) -> None:
    assert corrector.edits(text) == ()


def test_words_with_accents_are_corrected_like_those_without(corrector: Corrector) -> None:
    text = "We stain the capsule with tripán blue and tear the capsule or héxus."
    assert [edit.after for edit in corrector.edits(text)] == ["trypan", "capsulorhexis"]


class Less:
    """Takes the same from every edit."""

    nats = 0.0
    revision = "less"

    def gains(self, text: str, edits: Sequence[Edit]) -> list[float]:
        return [-self.nats] * len(edits)
