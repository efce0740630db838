"""Concepts of one video: evidence in each text, and what the texts affirm together."""

import pytest

from ophvl.ontology.codes import Codes
from pipelines.stages.tag import TagConfig, tag
from schemas.attributes import ATTRIBUTES
from schemas.video_attributes import VIDEO_ATTRIBUTES
from tests.factories import narration_row, override_row, publication_row, table, video_id

VIDEO = video_id(1)


def video_table(title="PHACO 😱 RE", description=None):
    return table("publications", publication_row(1, title=title, description=description))


def narration_table(*texts):
    rows = (
        narration_row(1, narration_id=f"{VIDEO}-n{number:04d}", text=text)
        for number, text in enumerate(texts)
    )
    return table("narrations", *rows)


def run(tagger, *texts, overrides=(), codes=None, **video):
    result = tag(
        video_table(**video),
        narration_table(*texts),
        table("overrides", *overrides),
        config=TagConfig(),
        tagger=tagger,
        codes=Codes(tagger.matcher.ontology, codes),
    )
    attributes, gathered = result.tables["attributes"], result.tables["video_attributes"]
    assert ATTRIBUTES.check(attributes) == []
    assert VIDEO_ATTRIBUTES.check(gathered) == []
    return attributes.to_pylist(), {row["concept_id"]: row for row in gathered.to_pylist()}


def test_each_attribute_carries_its_evidence(tagger):
    texts = ("İ inject viscoelastic.", "The capsulorhexis is round.")
    rows, _ = run(tagger, *texts)
    by_text = {f"{VIDEO}-n{number:04d}": text for number, text in enumerate(texts)}
    by_text[VIDEO] = "PHACO 😱 RE"
    assert {row["text_column"] for row in rows} == {"text", "title"}
    assert all(by_text[row["text_id"]][row["start"] : row["end"]] == row["surface"] for row in rows)


def test_title_and_description_do_not_share_ids(tagger):
    rows, _ = run(tagger, title="Phaco", description="Phaco with DMEK")
    assert [row["attribute_id"] for row in rows] == [
        f"{VIDEO}-ta0000",
        f"{VIDEO}-da0000",
        f"{VIDEO}-da0001",
    ]


def test_video_attributes_count_clips_that_affirm(tagger):
    _, gathered = run(
        tagger,
        "I inject viscoelastic, more viscoelastic.",
        "Viscoelastic again.",
        "No sutures are needed.",
        "If there is vitreous loss, stop.",
    )
    assert gathered["medication:viscoelastic"]["clips"] == 2
    assert gathered["surgery:phacoemulsification"] | {"score": None, "codes": None} == {
        "video_id": VIDEO,
        "kind": "surgery",
        "concept_id": "surgery:phacoemulsification",
        "label": "phacoemulsification",
        "clips": 0,
        "in_title": True,
        "score": None,
        "codes": None,
    }
    assert "instrument:suture" not in gathered
    assert "complication:vitreous_loss" not in gathered


def test_phrases_without_a_concept_keep_their_own_words(tagger):
    rows, _ = run(
        tagger,
        "I turn it in order to see my teacher.",
        "I turn it in order to see my teacher and then to see my friend.",
    )
    phrases = [row for row in rows if row["kind"] == "objective"]
    assert {row["concept_id"] for row in phrases} == {None}
    assert next(row["label"] for row in phrases) == "see my teacher"
    assert {row["source"] for row in phrases} == {"rules"}


def test_a_phrase_links_the_concepts_inside(tagger):
    rows, _ = run(tagger, "We inject it to protect the corneal endothelium.")
    (phrase,) = (row for row in rows if row["kind"] == "objective")
    assert phrase["linked"] == ["anatomy:corneal_endothelium"]


@pytest.mark.parametrize("description", [None, "", "😱\n\n"])
def test_a_silent_video_without_words_gives_empty_tables(tagger, description):
    rows, gathered = run(tagger, title="case_4687", description=description)
    assert (rows, gathered) == ([], {})


def test_what_a_reader_judged_wrong_is_left_out(tagger):
    text = "The bag is full."
    rows, _ = run(tagger, text, title="")
    (bag,) = [row for row in rows if row["surface"] == "bag"]
    wrong = override_row(
        1, kind=bag["kind"], before="the", surface="bag", after="is full", value=bag["label"]
    )
    rows, gathered = run(tagger, text, "The bag is open.", overrides=[wrong], title="")
    assert [row["text_id"] for row in rows if row["surface"] == "bag"] == [f"{VIDEO}-n0001"]
    assert gathered[bag["concept_id"]]["clips"] == 1


def test_concepts_carry_codes_of_the_ontology_and_of_the_user(tagger, tmp_path):
    path = tmp_path / "codes.tsv"
    path.write_text("concept_id\tsystem\tcode\ndisease:cataract\tlocal\tC1\n")
    _, gathered = run(tagger, title="Cataract", codes=path)
    assert gathered["disease:cataract"]["codes"] == [
        {"system": "ICD-10-CM", "code": "H26.9"},
        {"system": "local", "code": "C1"},
    ]
