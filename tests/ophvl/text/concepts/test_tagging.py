"""Whole narrations of every subspecialty: what is tagged, what is linked, and what is left alone.

Each case: the narration, attributes that must be there as "kind: surface", and surfaces that must not.
"""

import itertools

import pytest

from ophvl.ontology import Register
from ophvl.text.concepts.assertion import Assertion
from ophvl.text.concepts.matching import TERM_SCORE
from ophvl.text.concepts.tagging import ONTOLOGY, PHRASE_SCORE, RULES
from schemas.vocab import Kind

CASES = [
    # cataract
    (
        "I fill the anterior chamber with viscoelastic to protect the endothelium.",
        ["action: fill", "medication: viscoelastic", "objective: to protect the endothelium"],
        ["protect"],
    ),
    (
        "Let me crack the nucleus and rotate it with the chopper.",
        ["action: crack", "anatomy: nucleus", "action: rotate", "instrument: chopper"],
        [],
    ),
    (
        "The cut edge is cauterized.",
        ["action: cauterized"],
        ["cut"],
    ),
    (
        "A fixed pupil and marked injection were seen.",
        ["anatomy: pupil"],
        ["marked", "fixed"],
    ),
    (
        "The hook and the suture are handed over, then I hook the muscle and suture it.",
        ["action: hook", "action: suture", "instrument: suture"],
        [],
    ),
    # cornea
    (
        "The donor is sutured with sixteen 10-0 nylon sutures.",
        ["action: sutured", "instrument: 10-0 nylon sutures"],
        [],
    ),
    (
        "Keratoconus from eye rubbing is treated with cross-linking to halt progression.",
        [
            "disease: Keratoconus",
            "disease_cause: from eye rubbing",
            "objective: to halt progression",
        ],
        [],
    ),
    # glaucoma
    (
        "I apply mitomycin C with a sponge, then rinse with plenty of BSS.",
        ["action: apply", "medication: mitomycin C", "instrument: sponge", "action: rinse"],
        [],
    ),
    (
        "The tube is tied with seven-oh vicryl to prevent hypotony.",
        ["action: tied", "objective: to prevent hypotony", "complication: hypotony"],
        ["prevent"],
    ),
    # vitreoretina
    (
        "We do not need to peel the membrane.",
        ["action: peel"],
        [],
    ),
    (
        "Face down for three days so that the bubble covers the hole.",
        ["postop_care: Face down for three days", "objective: so that the bubble covers the hole"],
        ["covers"],
    ),
    (
        "We treat the breaks with the endolaser, then I apply endolaser to the other eye's tear.",
        ["instrument: endolaser", "phase: endolaser"],
        [],
    ),
    # oculoplastics
    (
        "I cut the orbicularis with Westcott scissors.",
        ["action: cut", "instrument: Westcott scissors"],
        [],
    ),
    (
        "Use the ointment at bedtime for a week.",
        ["postop_care: Use the ointment at bedtime for a week"],
        [],
    ),
    # strabismus and children
    (
        "Superior and inferior rectus muscles are isolated.",
        ["anatomy: Superior", "anatomy: inferior rectus muscles", "action: isolated"],
        [],
    ),
    (
        "Congenital glaucoma in a baby due to a malformed angle.",
        ["disease: Congenital glaucoma", "disease_cause: due to a malformed angle"],
        [],
    ),
    # refractive
    (
        "The flap is lifted with a spatula and the excimer laser treats the stroma.",
        ["anatomy: flap", "action: lifted", "instrument: spatula", "instrument: excimer laser"],
        [],
    ),
    (
        "No eye make-up for two weeks.",
        ["postop_care: No eye make-up for two weeks"],
        [],
    ),
    # injections and trauma
    (
        "I inject ranibizumab through the pars plana.",
        ["action: inject", "medication: ranibizumab", "anatomy: pars plana"],
        [],
    ),
    (
        "The wound is closed in order to keep the chamber formed.",
        ["action: closed", "objective: in order to keep the chamber formed"],
        ["keep"],
    ),
]


@pytest.mark.parametrize(("text", "present", "absent"), CASES)
def test_a_narration(tagger, text, present, absent):
    attributes = tagger.tag(text)
    assert all(text[a.start : a.end] == a.surface for a in attributes)
    tagged = [f"{a.kind}: {a.surface}" for a in attributes]
    assert [expected for expected in present if expected not in tagged] == []
    assert {a.surface for a in attributes} & set(absent) == set()


@pytest.mark.parametrize("text", [case[0] for case in CASES])
def test_terms_do_not_overlap_and_phrases_hold_them(tagger, text):
    attributes = tagger.tag(text)
    terms = [a for a in attributes if a.source == ONTOLOGY]
    phrases = [a for a in attributes if a.source == RULES]
    for of in (terms, phrases):
        assert all(a.end <= b.start for a, b in itertools.pairwise(of))
    for phrase in phrases:
        inside = [t.concept_id for t in terms if phrase.start <= t.start and t.end <= phrase.end]
        assert set(inside) <= set(phrase.linked)
        assert not any(
            t.kind is Kind.ACTION and phrase.start <= t.start < phrase.end
            for t in terms
            if phrase.kind is not Kind.DISEASE_CAUSE
        )


def test_a_phrase_names_its_concept_or_none(tagger):
    known, own = (
        next(a for a in tagger.tag(text) if a.kind is Kind.OBJECTIVE)
        for text in (
            "We inject OVD to protect the endothelium.",
            "We turn it in order to see my teacher.",
        )
    )
    assert known.concept_id == "objective:protect_the_corneal_endothelium"
    assert known.linked == ("anatomy:corneal_endothelium",)
    assert (own.concept_id, own.label) == (None, "see my teacher")


def test_actions_are_left_out_of_objectives_but_not_of_causes(tagger):
    text = "A corneal ulcer due to cutting the cornea, so I use glue to seal the wound."
    actions = {a.surface for a in tagger.tag(text) if a.kind is Kind.ACTION}
    assert "cutting" in actions
    assert "seal" not in actions


def test_nested_terms_are_linked(tagger):
    (peeling,) = tagger.tag("Now ILM peeling.")
    assert peeling.surface == "ILM peeling"
    assert "anatomy:internal_limiting_membrane" in peeling.linked
    (removal,) = tagger.tag("Then removal of silicone oil.")
    assert (removal.surface, removal.linked) == (
        "removal of silicone oil",
        ("medication:silicone_oil",),
    )


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("The plate lies in the superotemporal quadrant.", ["ocular quadrant"]),
        ("I incise the supero-nasal quadrant.", ["ocular quadrant"]),
        ("Each quadrant is emulsified.", ["nuclear quadrant"]),
        ("The sclera is bare in all quadrants.", ["sclera"]),
    ],
)
def test_quadrants_of_the_nucleus_and_of_the_eye(tagger, text, labels):
    assert [a.label for a in tagger.tag(text) if a.kind is Kind.ANATOMY] == labels


@pytest.mark.parametrize(
    ("text", "surface", "assertion"),
    [
        ("To avoid hypotony I close.", "To avoid hypotony", Assertion.PRESENT),
        ("To avoid hypotony I close.", "hypotony", Assertion.HYPOTHETICAL),
        ("No swimming for two weeks.", "No swimming for two weeks", Assertion.PRESENT),
        ("If the retina does not flatten, wait.", "retina", Assertion.PRESENT),
    ],
)
def test_phrases_are_not_denied_by_their_own_words(tagger, text, surface, assertion):
    assertions = {a.surface: a.assertion for a in tagger.tag(text)}
    assert assertions[surface] is assertion


def test_titles_hold_no_phrases_of_their_own(tagger):
    title = "Phaco to protect the endothelium | no eye make-up for two weeks"
    attributes = tagger.tag(title, register=Register.TITLE)
    assert all(a.source == ONTOLOGY for a in attributes)
    assert attributes[0].concept_id == "surgery:phacoemulsification"


def test_a_file_name_denies_what_its_words_deny(tagger):
    title = "Phaco_without_iris_hooks_RE"
    phaco, hooks, *_ = tagger.tag(title, register=Register.TITLE)
    assert (phaco.assertion, hooks.assertion) == (Assertion.PRESENT, Assertion.NEGATED)
    assert title[hooks.start : hooks.end] == hooks.surface == "iris_hooks"


@pytest.mark.parametrize(
    "text", ["", " ", "\n", "\U0001f631", "'s", "\u0130\u0130\u0130", "to", "not"]
)
def test_texts_without_content_hold_nothing(tagger, text):
    assert tagger.tag(text) == []


def test_a_phrase_is_linked_to_the_terms_inside_it_alone(tagger):
    text = "To prevent iris prolapse we suture the wound with nylon."
    (phrase,) = [a for a in tagger.tag(text) if a.kind is Kind.OBJECTIVE]
    assert phrase.surface == "To prevent iris prolapse"
    assert phrase.linked == ("complication:iris_prolapse", "anatomy:iris")


def test_a_phrase_has_the_longest_concept_of_its_kind(tagger):
    (cause,) = [
        a
        for a in tagger.tag("This cataract was caused by blunt trauma.")
        if a.kind is Kind.DISEASE_CAUSE
    ]
    assert cause.label == "blunt trauma"


@pytest.mark.parametrize(
    ("cause", "label", "score"),
    [
        ("contact lens overwear and smoking", "contact lens overwear", TERM_SCORE),
        ("smoking and contact lens overwear", "contact lens overwear", TERM_SCORE),
        ("luck", "luck", PHRASE_SCORE),
    ],
)
def test_a_cause_is_the_longest_that_its_phrase_names(tagger, cause, label, score):
    text = f"Smoking is rare. This eye has glaucoma, caused by {cause}. Blunt trauma is rarer."
    (found,) = [
        a for a in tagger.tag(text) if a.kind is Kind.DISEASE_CAUSE and "caused" in a.surface
    ]
    assert (found.label.removeprefix("caused by "), found.score) == (label, score)
