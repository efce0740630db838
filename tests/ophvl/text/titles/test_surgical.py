"""Surgical or not, by title and description."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from ophvl.errors import ConfigError
from ophvl.ontology.forms import fold
from ophvl.text.titles import surgical
from ophvl.text.titles.mentions import description_lead
from ophvl.text.titles.surgical import SurgicalAssessment, assess_listing
from schemas.vocab import Surgical


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("SMOKEY EYE makeup for hooded lids 😍", Surgical.NO),
        ("Lash lift & brow tint, salon day", Surgical.NO),
        ("Webinar: smokey eye makeup", Surgical.NO),
        ("Smokey eye makeup, a webinar", Surgical.NO),
        ("Classic lash extensions for beginners", Surgical.NO),
        ("Permanent makeup after blepharoplasty", Surgical.NO),
        ("How to put in contact lenses", Surgical.NO),
        ("Slit lamp examination: the anterior chamber", Surgical.NO),
        ("5 eye exercises for tired eyes", Surgical.NO),
        ("Thyroid Eye Disease - causes, symptoms, diagnosis", Surgical.NO),
        ("LASIK surgery and its risks", Surgical.UNKNOWN),
        ("Webinar: trabeculectomy pearls", Surgical.UNKNOWN),
        ("Phaco on a goat eye, wet lab", Surgical.UNKNOWN),
        ("Treating a crossed eye without surgery", Surgical.UNKNOWN),
        ("Gonioscopy of the angle", Surgical.UNKNOWN),
        ("case_4687.mp4", Surgical.UNKNOWN),
        ("eye", Surgical.UNKNOWN),
        ("", Surgical.UNKNOWN),
        ("🔥🔥🔥", Surgical.UNKNOWN),
        ("Cataract", Surgical.UNKNOWN),
        ("手术 巩膜环扎术", Surgical.YES),
        ("模拟手术：青光眼——缝合巩膜瓣", Surgical.UNKNOWN),  # noqa: RUF001
        ("Операция катаракты", Surgical.YES),
        ("Maquillaje de ojos ahumados", Surgical.NO),
        ("Argentinian flag sign: how I managed it", Surgical.YES),
        ("How to avoid a posterior capsule rent", Surgical.UNKNOWN),
        ("Is laser eye surgery riskier than people think?", Surgical.UNKNOWN),
        ("My technique for Yamane", Surgical.YES),
        ("Cornea: before and after DALK", Surgical.YES),
        ("Dr Kajal Mehta: phaco", Surgical.YES),
        ("Game changer in pterygium surgery", Surgical.YES),
        ("Stye incision and drainage", Surgical.YES),
        ("How to apply MMC in trabeculectomy", Surgical.YES),
        ("My experience with the Yamane technique", Surgical.UNKNOWN),
        ("How to put in eye drops after cataract surgery", Surgical.NO),
        ("Upper blepharoplasty before/after", Surgical.YES),
        ("Eyelash in the anterior chamber: removal", Surgical.YES),
        ("Lower blepharoplasty for under eye bags", Surgical.YES),
        ("PRK and bandage contact lens insertion", Surgical.YES),
        ("Paintball injury: traumatic cataract, phaco", Surgical.YES),
        ("PHACO+PCIOL RE || case 114", Surgical.YES),
        ("PPV for RRD", Surgical.YES),
        ("DMEK", Surgical.YES),
        ("Pterygium excision and bandage contact lens", Surgical.YES),
        ("Chalazion surgery", Surgical.YES),
        ("Capsulorhexis in white cataract", Surgical.YES),
        ("LASIK vs SMILE", Surgical.UNKNOWN),
        ("PRK versus LASIK: my thoughts", Surgical.UNKNOWN),
        ("LASIK or SMILE", Surgical.UNKNOWN),
        ("IOL exchange: PMMA vs acrylic", Surgical.YES),
        ("Stop and chop vs divide and conquer", Surgical.YES),
    ],
)
def test_titles(matcher, title, expected):
    assert assess_listing(title, None, matcher).is_surgical is expected


@pytest.mark.parametrize(
    ("title", "description", "expected"),
    [
        ("case_4687", "Phacoemulsification with a toric IOL.", Surgical.YES),
        ("My look today", "Smokey eye tutorial with new eyeshadow", Surgical.NO),
        ("case_4687", "Visit our clinic for LASIK and cataract surgery.", Surgical.UNKNOWN),
        ("DMEK", "Subscribe for makeup tips", Surgical.YES),
        ("case_12", "", Surgical.UNKNOWN),
        ("case_4687", "Phacoemulsification, and then makeup", Surgical.UNKNOWN),
    ],
)
def test_descriptions_decide_where_titles_do_not(matcher, title, description, expected):
    assert assess_listing(title, description, matcher).is_surgical is expected


def test_the_lead_ends_at_the_first_promotion():
    assert description_lead("Dense nucleus. SUBSCRIBE for LASIK") == "Dense nucleus. "
    assert description_lead(None) == ""
    assert len(description_lead("word " * 1000)) == 400


def test_real_lay_titles_are_seldom_taken_for_surgery(matcher):
    folder = os.environ.get("OPHVL_TEST_DATA")
    if not folder:
        pytest.skip("OPHVL_TEST_DATA is not set: it names the folder with the real video titles")
    path = Path(folder) / "transcripts/medvidcl_eye_titles.json"
    titles = [row["video_title"] for row in json.loads(path.read_text(encoding="utf-8"))]
    counts = Counter(assess_listing(title, None, matcher).is_surgical for title in titles)
    assert counts[Surgical.YES] <= 0.03 * len(titles)
    assert counts[Surgical.NO] >= 0.6 * len(titles)


def test_a_cue_that_surgery_overrules_decides_nothing(matcher):
    assessment = assess_listing("Eyelash in the chamber: phacoemulsification", None, matcher)
    assert assessment == SurgicalAssessment(
        is_surgical=Surgical.YES, surface="phacoemulsification", reason="the title names surgery"
    )


def test_a_question_does_not_soften_a_cue(matcher):
    assessment = assess_listing("Is makeup safe for hooded eyes?", None, matcher)
    assert (assessment.is_surgical, assessment.surface) == (Surgical.NO, "makeup")


def test_a_question_in_the_description_decides_nothing(matcher):
    assessment = assess_listing("case 1", "Is the cornea clear here?", matcher)
    assert (assessment.is_surgical, assessment.reason) == (Surgical.UNKNOWN, "")
    in_title = assess_listing("Is the cornea clear here?", None, matcher)
    assert (in_title.is_surgical, in_title.reason) == (Surgical.UNKNOWN, "a question")


@pytest.mark.parametrize(
    "word",
    [
        *[
            "surgery",
            "surgeries",
            "surgical",
            "intraoperative",
            "intra op",
            "operation",
            "operated",
        ],
        *[
            "operative",
            "removal",
            "excision",
            "incision",
            "resection",
            "extraction",
            "explantation",
        ],
        *["implantation", "transplant", "transplantation", "graft", "drainage", "repair", "biopsy"],
        *["reconstruction", "repositioning", "exchange", "revision", "washout", "lavage"],
        *["decompression", "fixation", "peel", "peeling", "curettage", "debridement", "debulking"],
        *["aspiration", "injection", "suturing", "cirurgia", "cirugía", "operación", "operação"],
        *["chirurgie", "chirurgia", "intervento", "Eingriff", "OP", "ameliyat", "ameliyatı"],  # noqa: RUF001
        *["ameliyati", "ameliyatları", "ameliyatlari", "cerrahi", "cerrahisi", "операция"],  # noqa: RUF001
        *["операции", "операцию", "хирургия", "хирургии", "удаление", "удаления", "عملية", "عمليه"],
        *["جراحة", "استئصال", "ازالة", "operasi", "bedah", "phau thuat", "सर्जरी", "ऑपरेशन"],
        *["शस्त्रक्रिया", "शल्य", "手术", "手術", "摘除", "切除", "수술", "절제"],
    ],
)
def test_a_word_for_surgery_beside_a_part_of_the_eye(matcher, word):
    assessment = assess_listing(f"Eyelid: {word}.", None, matcher)
    assert assessment.is_surgical is Surgical.YES
    assert fold(assessment.surface).text == fold(word).text
    shown = assess_listing(f"Eyelid before / after {word}, s/p {word}", None, matcher)
    assert shown.is_surgical is Surgical.YES
    if word not in ("incision", "curettage"):  # steps by themselves
        past = assess_listing(f"Eyelid, s/p {word}", None, matcher)
        assert past.is_surgical is Surgical.UNKNOWN


def test_every_listed_concept_exists(matcher):
    listed = surgical._EXAMINATIONS | surgical._INTRAOPERATIVE
    assert listed - set(matcher.ontology.concepts) == set()


@pytest.mark.parametrize(
    "title",
    [
        *["posterior capsule rupture", "anterior capsule tear", "argentinian flag sign"],
        *["rhexis runout", "vitreous loss", "dropped nucleus", "iris prolapse", "corneal burn"],
        *["intraoperative miosis", "suprachoroidal hemorrhage", "suction loss"],
        *["flap complication", "iatrogenic retinal break", "chamber collapse", "zonular dialysis"],
    ],
)
def test_a_complication_of_surgery_alone_names_surgery(matcher, title):
    expected = SurgicalAssessment(
        is_surgical=Surgical.YES, surface=title, reason="the title names surgery"
    )
    assert assess_listing(f"My case: {title}", None, matcher) == expected
    in_lead = assess_listing("case 4", f"My case: {title}", matcher)
    assert (in_lead.is_surgical, in_lead.surface) == (Surgical.YES, title)
    assert in_lead.reason == "the description names surgery"


@pytest.mark.parametrize(
    "title",
    [
        *["Gonioscopy", "Nasal endoscopy", "Examination of the anterior chamber"],
        *["Corneal thickness measurement", "Examination of the periphery"],
    ],
)
def test_an_examination_names_no_surgery(matcher, title):
    assert assess_listing(title, None, matcher).is_surgical is not Surgical.YES


@pytest.mark.parametrize(
    "word",
    [
        *["is", "are", "am", "can", "could", "does", "do", "did", "will", "should", "why"],
        *["when", "which", "who"],
    ],
)
def test_a_question_is_none_of_surgery(matcher, word):
    assessment = assess_listing(f" {word.capitalize()} DMEK best?", None, matcher)
    expected = SurgicalAssessment(is_surgical=Surgical.UNKNOWN, surface=word, reason="a question")
    assert assessment == expected
    assert assess_listing(f"{word}x DMEK best?", None, matcher).is_surgical is Surgical.YES


def test_a_question_ends_in_its_mark(matcher):
    assert assess_listing("Why DMEK is best", None, matcher).is_surgical is Surgical.YES


def test_a_word_for_surgery_needs_the_eye(matcher):
    assert assess_listing("Street: removal.", None, matcher).is_surgical is Surgical.UNKNOWN


@pytest.mark.parametrize("word", ["vs", "vs.", "VS", "v/s", "versus", "or"])
def test_a_comparison_is_none_of_surgery(matcher, word):
    assessment = assess_listing(f"DMEK {word} DSAEK", None, matcher)
    assert assessment.is_surgical is Surgical.UNKNOWN
    assert (assessment.surface, assessment.reason) == (word, "a comparison")
    assert assess_listing(f"DMEK {word} my DSAEK", None, matcher).is_surgical is Surgical.YES


def test_the_hardest_cue_decides(matcher):
    soft = assess_listing("Webinar on LASIK surgery and its risks", None, matcher)
    assert (soft.is_surgical, soft.surface) == (Surgical.UNKNOWN, "webinar")
    hard = assess_listing("Webinar: makeup", None, matcher)
    assert (hard.is_surgical, hard.surface) == (Surgical.NO, "makeup")


def test_a_cue_in_the_plural_counts(matcher):
    assert assess_listing("Webinars: trabeculectomy", None, matcher).surface == "webinars"


@pytest.mark.parametrize(
    "line", ["makeup\tno\tno", "makeup\tno\tperhaps\tcosmetics", "makeup\tno\tno\tx\ty"]
)
def test_a_line_at_fault_is_named(tmp_path, monkeypatch, line):
    path = tmp_path / "cues.tsv"
    path.write_text(f"cue\twithout_surgery\twith_surgery\treason\n{line}\n", encoding="utf-8")
    monkeypatch.setattr(surgical, "CUES", path)
    surgical._cues.cache_clear()
    try:
        with pytest.raises(ConfigError, match=r"cues\.tsv:2: "):
            surgical._cues()
        path.write_text("cue\n", encoding="utf-8")
        with pytest.raises(ConfigError, match=r"cues\.tsv:1: .* columns cue, without_surgery"):
            surgical._cues()
    finally:
        surgical._cues.cache_clear()
