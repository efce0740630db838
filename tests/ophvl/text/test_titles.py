"""Structured titles from messy ones."""

import pytest

from ophvl.text.titles import GatheredConcept, Text, structure, structure_title
from schemas.vocab import Eye, Kind, Surgical

NOTHING = Text(column="description", text="", matches=())


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        (
            "🔥 PHACO+PCIOL RE || Dr. X Eye Care || case 114 #viral",
            "Phacoemulsification and intraocular lens implantation"
            " with posterior chamber intraocular lens, right eye",
        ),
        (
            "Small pupil phaco w/ Malyugin ring!!! SUBSCRIBE 😱",
            "Phacoemulsification with malyugin ring for small pupil",
        ),
        ("PPV for ERM OS [4K60fps]", "Pars plana vitrectomy for epiretinal membrane, left eye"),
        ("DMEK", "Descemet membrane endothelial keratoplasty"),
        (
            "Cataract surgery: phaco by stop and chop",
            "Phacoemulsification by stop and chop for cataract",
        ),
        ("Scleral buckle and vitrectomy", "Scleral buckling and vitrectomy"),
        ("case_4687", None),
        ("", None),
        ("🔥🔥", None),
    ],
)
def test_template(matcher, raw, title):
    assert structure_title(raw, None, matcher).title == title


@pytest.mark.parametrize(
    ("raw", "eye"),
    [
        ("Phaco OD", Eye.RIGHT),
        ("phaco LE", Eye.LEFT),
        ("Phaco OU", Eye.BOTH),
        ("bilateral phaco", Eye.BOTH),
        ("Phaco right eye", Eye.RIGHT),
        ("RE: your phaco question", None),
        ("le phaco de la cataracte", None),
        ("phaco", None),
    ],
)
def test_eye(matcher, raw, eye):
    assert structure_title(raw, None, matcher).eye is eye


def test_the_description_fills_what_the_title_leaves_empty(matcher):
    structured = structure_title(
        "Phaco", "Right eye with brown cataract, PPV planned. Follow us for DMEK.", matcher
    )
    assert structured.surgery == ("phacoemulsification",)
    assert structured.condition == ("brunescent cataract",)
    assert structured.eye is Eye.RIGHT


def test_evidence_names_words_that_stand_in_the_text(matcher):
    raw, description = "PHACO LE", "Dense cataract."
    structured = structure_title(raw, description, matcher)
    texts = {"title": raw, "description": description}
    assert {e.field for e in structured.evidence} == {"is_surgical", "surgery", "condition", "eye"}
    assert all(e.surface in texts[e.text_column] for e in structured.evidence)


def test_negated_concepts_stay_out(matcher):
    assert structure_title("Phaco without vitrectomy", None, matcher).surgery == (
        "phacoemulsification",
    )


def test_narrations_name_the_surgery_and_the_steps():
    gathered = [
        GatheredConcept(kind=Kind.PHASE, label="incision", clips=1),
        GatheredConcept(kind=Kind.PHASE, label="capsulorhexis", clips=2),
        GatheredConcept(kind=Kind.SURGERY, label="phacoemulsification", clips=2),
        GatheredConcept(kind=Kind.SURGERY, label="vitrectomy", clips=1),
    ]
    structured = structure(Text(column="title", text="case_1", matches=()), NOTHING, gathered)
    assert structured.title == "Phacoemulsification. Steps: incision, capsulorhexis."
    assert structured.is_surgical is Surgical.YES
    assert structured.surgery == ("phacoemulsification",)


def test_narrations_never_overturn_a_no(matcher):
    gathered = [GatheredConcept(kind=Kind.PHASE, label=f"step {i}", clips=1) for i in range(9)]
    text = "Smokey eye makeup"
    structured = structure(
        Text(column="title", text=text, matches=matcher.find(text)), NOTHING, gathered
    )
    assert structured.is_surgical is Surgical.NO
