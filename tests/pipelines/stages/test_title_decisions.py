"""What stage title decides, asserted on its rows: which attributes fill the fields, and what is dropped."""

from __future__ import annotations

from typing import Any

import pytest

from ophvl.stage import StageResult
from pipelines.stages.title import TitleConfig, title
from schemas.titles import TITLES
from schemas.videos import Chapter
from tests.factories import attribute_row, publication_row, table, video_attribute_row, video_id

VIDEO = video_id(1)


def mention(raw: str, surface: str, concept_id: str, **columns: object) -> Any:
    """A concept in the title `raw`; `columns` change its row."""
    kind, _, slug = concept_id.partition(":")
    start = raw.index(surface)
    return attribute_row(
        1,
        **{
            "attribute_id": f"{VIDEO}-ta{start:04d}",
            "text_id": VIDEO,
            "text_column": "title",
            "kind": kind,
            "concept_id": concept_id,
            "label": slug.replace("_", " "),
            "surface": surface,
            "start": start,
            "end": start + len(surface),
            **columns,
        },
    )


def told(concept_id: str, number: int, **columns: object) -> Any:
    """A concept in narration `number`."""
    kind, _, slug = concept_id.partition(":")
    return attribute_row(
        1,
        **{
            "attribute_id": f"{VIDEO}-n{number:04d}-a0000",
            "text_id": f"{VIDEO}-n{number:04d}",
            "kind": kind,
            "concept_id": concept_id,
            "label": slug.replace("_", " "),
            **columns,
        },
    )


def gathered(concept_id: str, clips: int) -> Any:
    kind, _, slug = concept_id.partition(":")
    return video_attribute_row(
        1, kind=kind, concept_id=concept_id, label=slug.replace("_", " "), clips=clips
    )


@pytest.fixture
def run(matcher):
    def run(
        raw: str,
        *attributes: Any,
        video_attributes: tuple[Any, ...] = (),
        description: str | None = None,
        chapters: tuple[str, ...] = (),
        assume_surgical: bool = False,
    ) -> StageResult:
        marks = [Chapter(title=text, start_s=0.0, end_s=1.0) for text in chapters]
        publication = publication_row(1, title=raw, description=description, chapters=marks)
        result = title(
            table("publications", publication),
            table("attributes", *attributes),
            table("video_attributes", *video_attributes),
            config=TitleConfig(assume_surgical=assume_surgical),
            matcher=matcher,
        )
        assert TITLES.check(result.tables["titles"]) == []
        return result

    return run


def row(result: StageResult) -> dict:
    (row,) = result.tables["titles"].to_pylist()
    return row


RAW = "Phaco with trabeculectomy in glaucoma, left eye"
PHACO = mention(RAW, "Phaco", "surgery:phacoemulsification")
GLAUCOMA = mention(RAW, "glaucoma", "disease:glaucoma")


def trabeculectomy(**columns: object) -> Any:
    return mention(RAW, "trabeculectomy", "surgery:trabeculectomy", **columns)


def test_fields_are_filled_by_kind_and_the_sentence_says_them(run) -> None:
    made = row(run(RAW, PHACO, trabeculectomy(), GLAUCOMA))
    assert made["surgery"] == ["phacoemulsification", "trabeculectomy"]
    assert (made["condition"], made["eye"], made["is_surgical"]) == (["glaucoma"], "left", "yes")
    assert (made["technique"], made["device"]) == ([], [])
    assert made["title"] == "Phacoemulsification and trabeculectomy for glaucoma, left eye"
    assert (made["video_id"], made["raw_title"]) == (VIDEO, RAW)
    said = {(e["field"], e["value"], e["text_column"], e["surface"]) for e in made["evidence"]}
    assert ("surgery", "trabeculectomy", "title", "trabeculectomy") in said
    assert ("condition", "glaucoma", "title", "glaucoma") in said
    assert ("eye", "left", "title", "left") in said


@pytest.mark.parametrize(
    "change",
    [
        {"negated": True},
        {"hypothetical": True},
        {"source": "rules"},
        {"video_id": video_id(2)},
        {"text_column": "text", "text_id": f"{VIDEO}-n0000"},
    ],
)
def test_what_is_denied_supposed_a_phrase_or_of_another_text_fills_no_field_of_the_title(
    run, change: dict
) -> None:
    assert row(run(RAW, PHACO, trabeculectomy(**change)))["surgery"] == ["phacoemulsification"]


def test_fields_stand_in_the_order_of_the_words_whatever_the_order_of_the_rows(run) -> None:
    assert row(run(RAW, trabeculectomy(), PHACO))["surgery"] == [
        "phacoemulsification",
        "trabeculectomy",
    ]


def test_the_description_fills_fields_under_its_own_name(run) -> None:
    text = "Glaucoma of many years"
    found = mention(
        text,
        "Glaucoma",
        "disease:glaucoma",
        text_column="description",
        attribute_id=f"{VIDEO}-da0000",
    )
    made = row(run("case_1", found, description=text))
    assert made["condition"] == ["glaucoma"]
    assert {e["text_column"] for e in made["evidence"] if e["field"] == "condition"} == {
        "description"
    }


INCISION, RHEXIS, HYDRO = "phase:incision", "phase:capsulorhexis", "phase:hydrodissection"


def test_steps_follow_the_narrations_and_not_the_order_of_the_tables(run) -> None:
    result = run(
        "case_1",
        told(HYDRO, 3),
        told(RHEXIS, 2),
        told(INCISION, 1),
        told(HYDRO, 0),
        video_attributes=(gathered(RHEXIS, 1), gathered(HYDRO, 2), gathered(INCISION, 1)),
    )
    assert row(result)["title"] == "Steps: hydrodissection, incision, capsulorhexis."
    assert row(result)["is_surgical"] == "yes"


def test_steps_are_those_that_narrations_affirm(run) -> None:
    result = run(
        "case_1",
        told(HYDRO, 0, negated=True),
        told(INCISION, 1),
        mention("case_1", "case", RHEXIS),
        video_attributes=(gathered(RHEXIS, 0), gathered(HYDRO, 1), gathered(INCISION, 1)),
    )
    assert row(result)["title"].endswith("Steps: incision.")


def test_a_surgery_of_the_narrations_counts_from_two_clips_on(run) -> None:
    dmek = "surgery:trabeculectomy"
    once = run("case_1", told(dmek, 0), video_attributes=(gathered(dmek, 1),))
    assert (row(once)["surgery"], row(once)["title"]) == ([], None)
    twice = run("case_1", told(dmek, 0), told(dmek, 1), video_attributes=(gathered(dmek, 2),))
    assert (row(twice)["surgery"], row(twice)["title"]) == (["trabeculectomy"], "Trabeculectomy")


def test_chapters_name_steps_and_their_concepts_are_found_here(run) -> None:
    assert row(run("case_1", chapters=("Incision", "Intro", "CCC")))["title"] == (
        "Steps: incision, capsulorhexis."
    )


NOT_SURGERY = "Smokey eye makeup"


@pytest.mark.parametrize(
    ("raw", "assume_surgical", "verdict", "is_dropped"),
    [
        (NOT_SURGERY, False, "no", True),
        (NOT_SURGERY, True, "no", False),
        ("case_4687", False, "unknown", False),
    ],
)
def test_only_a_sure_no_drops_a_video_and_its_row_stays(
    run, raw: str, assume_surgical: bool, verdict: str, is_dropped: bool
) -> None:
    result = run(raw, assume_surgical=assume_surgical)
    assert row(result)["is_surgical"] == verdict
    assert [(d.row_id, d.reason) for d in result.dropped] == (
        [(VIDEO, "not_surgical")] if is_dropped else []
    )
    assert all("title.assume_surgical" in drop.message for drop in result.dropped)
