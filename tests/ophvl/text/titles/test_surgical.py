"""Surgical or not, by title and description."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from ophvl.text.titles.mentions import description_lead
from ophvl.text.titles.surgical import assess_listing
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


def test_a_question_in_the_description_decides_nothing(matcher):
    assessment = assess_listing("case 1", "Is the cornea clear here?", matcher)
    assert (assessment.is_surgical, assessment.reason) == (Surgical.UNKNOWN, "")
    in_title = assess_listing("Is the cornea clear here?", None, matcher)
    assert (in_title.is_surgical, in_title.reason) == (Surgical.UNKNOWN, "a question")
