"""Concepts of one video: evidence in each text, and what the texts affirm together."""

import pytest

from pipelines.config import TagConfig
from pipelines.tag import tag
from schemas.attributes import ATTRIBUTES
from schemas.video_attributes import VIDEO_ATTRIBUTES
from tests.factories import narration_row, table, video_id, video_row

VIDEO = video_id(1)


def video_table(title="PHACO 😱 RE", description=None):
    return table("videos", video_row(1, title=title, description=description))


def narration_table(*texts):
    rows = (
        narration_row(1, narration_id=f"{VIDEO}-n{number:04d}", text=text)
        for number, text in enumerate(texts)
    )
    return table("narrations", *rows)


def run(matcher, *texts, **video):
    result = tag(video_table(**video), narration_table(*texts), config=TagConfig(), matcher=matcher)
    attributes, gathered = result.tables["attributes"], result.tables["video_attributes"]
    assert ATTRIBUTES.check(attributes) == []
    assert VIDEO_ATTRIBUTES.check(gathered) == []
    return attributes.to_pylist(), {row["concept_id"]: row for row in gathered.to_pylist()}


def test_each_attribute_carries_its_evidence(matcher):
    texts = ("İ inject viscoelastic.", "The capsulorhexis is round.")
    rows, _ = run(matcher, *texts)
    by_text = {f"{VIDEO}-n{number:04d}": text for number, text in enumerate(texts)}
    by_text[VIDEO] = "PHACO 😱 RE"
    assert {row["text_column"] for row in rows} == {"text", "title"}
    assert all(by_text[row["text_id"]][row["start"] : row["end"]] == row["surface"] for row in rows)


def test_title_and_description_do_not_share_ids(matcher):
    rows, _ = run(matcher, title="Phaco", description="Phaco with DMEK")
    assert [row["attribute_id"] for row in rows] == [
        f"{VIDEO}-ta0000",
        f"{VIDEO}-da0000",
        f"{VIDEO}-da0001",
    ]


def test_video_attributes_count_clips_that_affirm(matcher):
    _, gathered = run(
        matcher,
        "I inject viscoelastic, more viscoelastic.",
        "Viscoelastic again.",
        "No sutures are needed.",
        "If there is vitreous loss, stop.",
    )
    assert gathered["medication:viscoelastic"]["clips"] == 2
    assert gathered["surgery:phacoemulsification"] | {"score": None} == {
        "video_id": VIDEO,
        "kind": "surgery",
        "concept_id": "surgery:phacoemulsification",
        "label": "phacoemulsification",
        "clips": 0,
        "in_title": True,
        "score": None,
    }
    assert "instrument:suture" not in gathered
    assert "complication:vitreous_loss" not in gathered


@pytest.mark.parametrize("description", [None, "", "😱\n\n"])
def test_a_silent_video_without_words_gives_empty_tables(matcher, description):
    rows, gathered = run(matcher, title="case_4687", description=description)
    assert (rows, gathered) == ([], {})
