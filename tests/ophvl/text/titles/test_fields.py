"""Rules that say what a title's concepts mean for its fields."""

import pytest

from ophvl.errors import ConfigError
from ophvl.ontology import Register
from ophvl.text.concepts.matching import Match
from ophvl.text.titles import fields
from ophvl.text.titles.fields import FIELDS, TaggedText, field_rules, read_fields
from schemas.vocab import Kind


def test_every_rule_names_concepts_that_exist(matcher):
    concepts = matcher.ontology.concepts
    rules = [rule for rules in field_rules().values() for rule in rules]
    named = {rule.concept_id for rule in rules} | {c for rule in rules for c in rule.unless}
    assert named - set(concepts) == set()
    values = {rule.value for rule in rules if ":" in rule.value}
    assert values - set(concepts) == set()
    assert {rule.field for rule in rules} <= {*FIELDS, "-"}


def test_a_rule_that_adds_a_value_has_one():
    assert all(r.value for rules in field_rules().values() for r in rules if r.mode == "also")


@pytest.mark.parametrize(
    "line",
    ["a:b\tas\tsurgery\t", "a:b\tperhaps\tsurgery\t\t", "a:b\tas\tcolour\t\t"],
)
def test_a_line_at_fault_is_named(tmp_path, monkeypatch, line):
    path = tmp_path / "title_fields.tsv"
    path.write_text(f"concept_id\tmode\tfield\tvalue\tunless\n{line}\n", encoding="utf-8")
    monkeypatch.setattr(fields, "RULES", path)
    field_rules.cache_clear()
    try:
        with pytest.raises(ConfigError, match=r"title_fields\.tsv:2: "):
            field_rules()
    finally:
        field_rules.cache_clear()


def values(matcher, title):
    """Each field's values for a title."""
    text = TaggedText(
        column="title", text=title, matches=matcher.find(title, register=Register.TITLE)
    )
    evidence = read_fields([text], matcher.ontology)
    assert all(e.surface in title for e in evidence)
    return {
        field: tuple(e.value for e in evidence if e.field == field)
        for field in FIELDS
        if any(e.field == field for e in evidence)
    }


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        (
            "27G PPV for macular hole with C3F8",
            {
                "surgery": ("pars plana vitrectomy",),
                "condition": ("macular hole",),
                "technique": ("perfluoropropane tamponade",),
                "device": ("27-gauge vitrectomy system",),
            },
        ),
        ("25G phaco", {"surgery": ("phacoemulsification",)}),
        (
            "Phaco with hydrodissection",
            {"surgery": ("phacoemulsification",), "technique": ("hydrodissection",)},
        ),
        ("Stop and chop", {"surgery": ("phacoemulsification",), "technique": ("stop and chop",)}),
        (
            "FLACS, stop and chop",
            {
                "surgery": ("femtosecond laser-assisted cataract surgery",),
                "technique": ("stop and chop",),
            },
        ),
        (
            "PCR during phaco",
            {"surgery": ("phacoemulsification",), "condition": ("posterior capsule rupture",)},
        ),
        (
            "IOL exchange, Yamane technique",
            {
                "surgery": (
                    "intraocular lens exchange",
                    "scleral-fixated intraocular lens implantation",
                ),
                "technique": ("yamane technique",),
                "device": ("intraocular lens",),
            },
        ),
        (
            "Vitrectomy with silicone oil",
            {"surgery": ("pars plana vitrectomy",), "technique": ("silicone oil tamponade",)},
        ),
        ("Silicone oil removal", {"surgery": ("silicone oil removal",)}),
        ("Capsulorhexis forceps", {"device": ("capsulorhexis forceps",)}),
        ("Forceps", {}),
        (
            "SMILE -5.00 D",
            {"surgery": ("small-incision lenticule extraction",), "condition": ("myopia",)},
        ),
        ("Phaco -5.00 D", {"surgery": ("phacoemulsification",)}),
        # A value of which another one has all words and more is left out.
        (
            "Xen gel stent implantation",
            {"surgery": ("gel stent implantation",), "device": ("gel stent",)},
        ),
        (
            "Corneal foreign body extraction",
            {
                "surgery": ("corneal foreign body removal",),
                "condition": ("corneal foreign body",),
            },
        ),
        ("Traction suture placement", {"technique": ("traction suture placement",)}),
        # The step at the end of a procedure's name, and a single word in it, are no steps.
        (
            "YAG laser capsulotomy",
            {"surgery": ("nd:yag laser capsulotomy",), "device": ("nd:yag laser",)},
        ),
        (
            "Manual small-incision extracapsular surgery",
            {"surgery": ("manual small-incision cataract surgery",)},
        ),
        ("Primary posterior capsulorhexis", {"surgery": ("primary posterior capsulotomy",)}),
        ("Surgical posterior capsulotomy", {"surgery": ("surgical posterior capsulotomy",)}),
        # A longer name before the head is a step.
        (
            "Big-bubble DALK",
            {
                "surgery": ("deep anterior lamellar keratoplasty",),
                "technique": ("big-bubble technique",),
            },
        ),
        (
            "Flanged IOL fixation",
            {
                "surgery": ("flanged intrascleral intraocular lens fixation",),
                "technique": ("yamane technique",),
                "device": ("intraocular lens",),
            },
        ),
        # A field of work counts where no procedure is named; a condition or device is none.
        (
            "Eyelid surgery for entropion",
            {"surgery": ("eyelid surgery",), "condition": ("entropion",)},
        ),
        (
            "Eyelid surgery with capsulorhexis forceps",
            {"surgery": ("eyelid surgery",), "device": ("capsulorhexis forceps",)},
        ),
        ("Eyelid surgery, blepharoplasty", {"surgery": ("blepharoplasty",)}),
        (
            "Glaucoma surgery, DMEK",
            {
                "surgery": ("descemet membrane endothelial keratoplasty",),
                "condition": ("glaucoma",),
            },
        ),
        (
            "Traumatic cataract surgery, DMEK",
            {
                "surgery": ("descemet membrane endothelial keratoplasty",),
                "condition": ("traumatic cataract",),
            },
        ),
        (
            "Nystagmus surgery, DMEK",
            {
                "surgery": ("nystagmus surgery", "descemet membrane endothelial keratoplasty"),
                "condition": ("nystagmus",),
            },
        ),
        (
            "Eyelid surgery with IOL implantation",
            {
                "surgery": ("eyelid surgery", "intraocular lens implantation"),
                "device": ("intraocular lens",),
            },
        ),
    ],
)
def test_fields_of_a_title(matcher, title, expected):
    assert values(matcher, title) == expected


@pytest.mark.parametrize("head", ["", "concept_id\tmode\n"])
def test_a_table_without_its_columns_is_refused(tmp_path, monkeypatch, head):
    path = tmp_path / "title_fields.tsv"
    path.write_text(head, encoding="utf-8")
    monkeypatch.setattr(fields, "RULES", path)
    field_rules.cache_clear()
    try:
        with pytest.raises(ConfigError, match=r"title_fields\.tsv:1: the first line must name"):
            field_rules()
    finally:
        field_rules.cache_clear()


def test_a_step_of_the_same_words_as_another_concept_is_no_part_of_it(matcher):
    def match(kind, start, end):
        text = "we do the peeling"
        return Match(start=start, end=end, surface=text[start:end], concept_id=f"{kind}:peeling",
                     kind=kind, label="peeling", score=1.0)  # fmt: skip

    same = [match(Kind.ANATOMY, 10, 17), match(Kind.OPERATION, 10, 17)]
    assert list(fields._own_mentions(same)) == same
    longer = [match(Kind.ANATOMY, 6, 17), match(Kind.OPERATION, 10, 17)]
    assert list(fields._own_mentions(longer)) == longer[:1]
    beside = [match(Kind.ANATOMY, 0, 12), match(Kind.OPERATION, 10, 17)]
    assert list(fields._own_mentions(beside)) == beside
