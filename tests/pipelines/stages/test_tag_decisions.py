"""What stage tag decides, asserted on its rows: affirmed, denied or supposed, and by how many clips."""

from __future__ import annotations

from typing import Any

import pytest

from ophvl.ontology.codes import Codes
from ophvl.stage import StageResult
from pipelines.stages.tag import TagConfig, tag
from schemas.attributes import ATTRIBUTES
from schemas.video_attributes import VIDEO_ATTRIBUTES
from tests.factories import narration_row, override_row, publication_row, table, video_id

VIDEO = video_id(1)


@pytest.fixture
def run(tagger):
    def run(
        *texts: str,
        title: str = "case_1",
        description: str | None = None,
        overrides: tuple[Any, ...] = (),
    ) -> StageResult:
        narrations = (
            narration_row(1, narration_id=f"{VIDEO}-n{number:04d}", text=text)
            for number, text in enumerate(texts)
        )
        result = tag(
            table("publications", publication_row(1, title=title, description=description)),
            table("narrations", *narrations),
            table("overrides", *overrides),
            config=TagConfig(),
            tagger=tagger,
            codes=Codes(tagger.matcher.ontology, None),
        )
        assert ATTRIBUTES.check(result.tables["attributes"]) == []
        assert VIDEO_ATTRIBUTES.check(result.tables["video_attributes"]) == []
        return result

    return run


def attribute(result: StageResult, label: str) -> dict:
    (row,) = [r for r in result.tables["attributes"].to_pylist() if r["label"] == label]
    return row


def gathered(result: StageResult) -> dict[str, dict]:
    return {row["label"]: row for row in result.tables["video_attributes"].to_pylist()}


LOSS = "vitreous loss"


@pytest.mark.parametrize(
    ("text", "negated", "hypothetical"),
    [
        ("There is vitreous loss.", False, False),
        ("There is no vitreous loss.", True, False),
        ("If there is vitreous loss, stop.", False, True),
        # A condition outweighs a denial inside it.
        ("If there is no vitreous loss, we place the lens in the bag.", False, True),
        ("Unless there is no vitreous loss, we stop.", False, True),
        # What is to be avoided has not happened.
        ("I lower the bottle to avoid vitreous loss.", False, True),
        ("Vitreous loss may occur.", False, True),
    ],
)
def test_affirmed_denied_and_supposed_concepts_are_told_apart(
    run, text: str, negated: bool, hypothetical: bool
) -> None:
    result = run(text)
    row = attribute(result, LOSS)
    assert (row["negated"], row["hypothetical"]) == (negated, hypothetical)
    assert (LOSS in gathered(result)) is not (negated or hypothetical)


def test_what_one_text_denies_another_may_affirm(run) -> None:
    result = run(
        "There is no vitreous loss.", "Now there is vitreous loss.", "If vitreous loss, stop."
    )
    rows = [r for r in result.tables["attributes"].to_pylist() if r["label"] == LOSS]
    assert [(r["text_id"][-5:], r["negated"], r["hypothetical"]) for r in rows] == [
        ("n0000", True, False),
        ("n0001", False, False),
        ("n0002", False, True),
    ]
    assert gathered(result)[LOSS]["clips"] == 1


def test_support_counts_narrations_once_and_neither_title_nor_description(run) -> None:
    text = "Trypan blue is injected, and more trypan blue follows."
    result = run(text, text, "We polish.", title="Trypan blue", description="Trypan blue is used.")
    row = gathered(result)["trypan blue"]
    assert (row["clips"], row["in_title"], row["kind"]) == (2, True, "medication")
    assert row["concept_id"] == "medication:trypan_blue"


def test_a_concept_of_the_description_alone_is_gathered_without_clip_or_title(run) -> None:
    result = run("We polish.", description="Trypan blue is used.")
    assert attribute(result, "trypan blue")["text_column"] == "description"
    row = gathered(result)["trypan blue"]
    assert (row["clips"], row["in_title"]) == (0, False)


def test_a_title_that_denies_a_concept_does_not_count_for_it(run) -> None:
    result = run("A suture is placed.", title="Phaco without sutures")
    assert gathered(result)["suture"]["in_title"] is False
    assert gathered(result)["phacoemulsification"]["in_title"] is True


def test_the_score_of_a_video_is_the_highest_of_those_that_affirm(run) -> None:
    result = run("The AC is deep.", "The anterior chamber is deep.")
    scores = [r["score"] for r in result.tables["attributes"].to_pylist()]
    assert scores == [0.9, 1.0], "an abbreviation is less sure"
    assert gathered(result)["anterior chamber"]["score"] == 1.0


def test_each_narration_has_its_own_ids_and_offsets_into_its_own_text(run) -> None:
    texts = ("The iris is held.", "The capsule and the iris are seen.")
    result = run(*texts)
    rows = result.tables["attributes"].to_pylist()
    assert len({r["attribute_id"] for r in rows}) == len(rows)
    for row in rows:
        assert row["attribute_id"].startswith(f"{row['text_id']}-a")
        text = texts[int(row["text_id"][-4:])]
        assert text[row["start"] : row["end"]] == row["surface"]
    irises = [r for r in rows if r["label"] == "iris"]
    assert [(r["text_id"][-4:], r["start"]) for r in irises] == [("0000", 4), ("0001", 20)]


def test_one_drug_denied_and_another_affirmed_are_not_exchanged(run) -> None:
    result = run("We inject trypan blue, not indocyanine green.")
    assert attribute(result, "trypan blue")["negated"] is False
    assert attribute(result, "indocyanine green")["negated"] is True
    assert "indocyanine green" not in gathered(result)


def test_a_judgement_on_a_denial_leaves_the_affirmation_alone(run) -> None:
    texts = ("There is no vitreous loss here.", "There is vitreous loss here.")
    shared = {"kind": "complication", "surface": LOSS, "after": "here"}
    denied = override_row(1, **shared, before="is no", value=f"no {LOSS}")
    result = run(*texts, overrides=(denied,))
    rows = [r for r in result.tables["attributes"].to_pylist() if r["label"] == LOSS]
    assert [(r["text_id"][-4:], r["negated"]) for r in rows] == [("0001", False)]
    assert result.dropped == ()
    affirmed = override_row(1, **shared, before="there is", value=LOSS)
    result = run(*texts, overrides=(affirmed,))
    rows = [r for r in result.tables["attributes"].to_pylist() if r["label"] == LOSS]
    assert [(r["text_id"][-4:], r["negated"]) for r in rows] == [("0000", True)]
    assert LOSS not in gathered(result)


def test_a_judgement_that_fits_nothing_is_dropped_and_those_of_other_targets_are_not(run) -> None:
    stale = override_row(1, override_id=f"{VIDEO}-o0007", surface="never said")
    edit = override_row(1, override_id=f"{VIDEO}-o0008", target="edit", kind=None)
    result = run("The iris is held.", overrides=(stale, edit))
    assert [(d.row_id, d.reason) for d in result.dropped] == [
        (f"{VIDEO}-o0007", "override_unmatched")
    ]


def test_concepts_of_a_video_stand_in_the_order_of_kind_and_label(run) -> None:
    result = run("Trypan blue is injected.", "The iris and the cornea are seen.")
    order = [(r["kind"], r["label"]) for r in result.tables["video_attributes"].to_pylist()]
    assert len(order) >= 3
    assert order == sorted(order)
