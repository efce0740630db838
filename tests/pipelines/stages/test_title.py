"""Messy titles through the stages tag and title; what is dropped, and what stays."""

import pytest

from ophvl.ontology.codes import Codes
from ophvl.text.titles.structure import structure_title
from pipelines.stages.tag import TagConfig, tag
from pipelines.stages.title import TitleConfig, title
from schemas.titles import TITLES
from schemas.videos import Chapter
from schemas.vocab import DropReason
from tests.factories import publication_row, table
from tests.pipelines.stages.test_tag import VIDEO, narration_table


def run(tagger, *texts, assume_surgical=False, chapters=(), **video):
    row = publication_row(1, chapters=list(chapters), **{"description": None, **video})
    publications = table("publications", row)
    tagged = tag(
        publications,
        narration_table(*texts),
        table("overrides"),
        config=TagConfig(),
        tagger=tagger,
        codes=Codes(tagger.matcher.ontology, None),
    )
    result = title(
        publications,
        **tagged.tables,
        config=TitleConfig(assume_surgical=assume_surgical),
        matcher=tagger.matcher,
    )
    assert TITLES.check(result.tables["titles"]) == []
    (row,) = result.tables["titles"].to_pylist()
    return row, result.dropped


def test_a_messy_title_becomes_fields_and_a_sentence(tagger):
    row, dropped = run(tagger, title="🔥 PHACO RE #viral case 12", description="Brown cataract.")
    assert row["title"] == "Phacoemulsification for brunescent cataract, right eye"
    assert row["raw_title"] == "🔥 PHACO RE #viral case 12"
    assert (row["is_surgical"], row["eye"]) == ("yes", "right")
    assert row["surgery"] == ["phacoemulsification"]
    assert dropped == ()


def test_make_up_is_dropped_and_its_row_stays(tagger):
    row, (drop,) = run(tagger, title="Smokey eye makeup")
    assert row["is_surgical"] == "no"
    assert (drop.row_id, drop.reason) == (VIDEO, DropReason.NOT_SURGICAL)
    assert "smokey eye" in drop.message


def test_assume_surgical_keeps_it(tagger):
    row, dropped = run(tagger, title="Smokey eye makeup", assume_surgical=True)
    assert (row["is_surgical"], dropped) == ("no", ())


def test_steps_stand_in_the_order_in_which_they_are_told(tagger):
    row, _ = run(
        tagger,
        "First the main incision.",
        "No suturing. Then hydrodissection.",
        "Capsulorhexis came before hydrodissection.",
        "If wound hydration is needed, wait.",
        title="case_4687",
    )
    assert row["title"] == "Steps: incision, hydrodissection, capsulorhexis."
    assert row["is_surgical"] == "yes"


@pytest.mark.parametrize("raw", ["case_4687", "eye", "", "的"])
def test_nothing_known_is_null_and_stays(tagger, raw):
    row, dropped = run(tagger, title=raw)
    assert (row["title"], row["is_surgical"], row["evidence"], dropped) == (None, "unknown", [], ())


def test_chapters_name_the_steps(tagger):
    chapters = [Chapter(title=text, start_s=0.0, end_s=1.0) for text in ("1. Incision", "CCC")]
    row, _ = run(tagger, title="case_12", chapters=chapters)
    assert row["title"] == "Steps: incision, capsulorhexis."


@pytest.mark.parametrize(
    ("raw", "description"),
    [
        ("PPV+EL+C3F8 for RRD RE", ""),
        ("PCR!!! what to do??", "Posterior capsule rupture, anterior vitrectomy, sulcus 3-piece."),
        ("Cirurgia de catarata FACO c/ LIO tórica OD", "Astigmatismo 3D."),
        ("DMEK #phaco", "Subscribe for LASIK"),
        ("手术 巩膜环扎术 (2025.10)", ""),
    ],
)
def test_the_stage_reads_titles_as_the_filter_does(tagger, raw, description):
    row, _ = run(tagger, title=raw, description=description)
    filtered = structure_title(raw, description, tagger.matcher)
    for field in ("title", "is_surgical", "eye"):
        assert row[field] == getattr(filtered, field)
    for field in ("surgery", "condition", "technique", "device"):
        assert tuple(row[field]) == getattr(filtered, field)
