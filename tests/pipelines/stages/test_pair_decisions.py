"""What stage pair decides, asserted on its rows: routes, texts, concepts, frame times."""

from __future__ import annotations

from typing import Any

import pytest

from ophvl.stage import StageResult
from pipelines.stages.pair import PairConfig, pair
from schemas.pairs import PAIRS
from schemas.routes import ROUTES
from tests.factories import (
    attribute_row,
    media_row,
    narration_row,
    publication_row,
    rewrite_row,
    speech_row,
    split_row,
    table,
    title_row,
    video_attribute_row,
    video_id,
)

VIDEO = video_id(1)
FIRST, SECOND = f"{VIDEO}-n0000", f"{VIDEO}-n0001"
SPOKEN = {"speech_ratio": 0.5, "words_per_minute": 90.0, "language": "en"}


def narration(number: int, **columns: object) -> Any:
    defaults: dict[str, object] = {
        "narration_id": f"{VIDEO}-n{number:04d}",
        "start_s": 10.0 * number,
        "end_s": 10.0 * number + 4.0,
        "text": f"Step {number} is done.",
    }
    return narration_row(1, **{**defaults, **columns})


def concept(label: str, **columns: object) -> Any:
    """An attribute of the first narration, or of the text that `columns` name."""
    found = {"concept_id": f"anatomy:{label}", "label": label, "text_id": FIRST}
    return attribute_row(1, **{**found, **columns})


def run(
    *,
    narrations: tuple[Any, ...] = (narration(0), narration(1)),
    attributes: tuple[Any, ...] = (),
    gathered: tuple[Any, ...] = (),
    rewrites: tuple[Any, ...] = (),
    has_audio: bool = True,
    duration_s: float = 60.0,
    speech: dict[str, object] | None = None,
    publication: dict[str, object] | None = None,
    title: str | None = "Phacoemulsification",
    split: str = "train",
    **settings: object,
) -> StageResult:
    result = pair(
        table("publications", publication_row(1, **(publication or {}))),
        table("media", media_row(1, has_audio=has_audio, duration_s=duration_s)),
        table("speech", speech_row(1, **(speech or {}))),
        table("narrations", *narrations),
        table("attributes", *attributes),
        table("video_attributes", *gathered),
        table("rewrites", *rewrites),
        table("titles", title_row(1, title=title)),
        table("splits", split_row(1, split=split)),
        config=PairConfig(**settings),
    )
    assert PAIRS.check(result.tables["pairs"]) == []
    assert ROUTES.check(result.tables["routes"]) == []
    return result


def pairs(result: StageResult) -> list[dict]:
    return result.tables["pairs"].to_pylist()


def route(result: StageResult) -> tuple[str, str]:
    (row,) = result.tables["routes"].to_pylist()
    assert row["video_id"] == VIDEO
    return row["route"], row["reason"]


SILENT = [
    ({"has_audio": False}, "no_audio"),
    ({"speech": {"speech_ratio": 0.0499}}, "little_speech"),
    ({"speech": {"words_per_minute": 9.9}}, "little_speech"),
    ({"speech": {"language": "pt", "language_probability": 0.7}}, "language"),
    ({"narrations": (narration(0, descriptive_score=0.29),)}, "no_narration"),
    ({"narrations": ()}, "no_narration"),
]


@pytest.mark.parametrize(("change", "reason"), SILENT)
def test_a_silent_video_keeps_one_row_with_title_and_frames_and_no_narrations(
    change: dict, reason: str
) -> None:
    result = run(gathered=(video_attribute_row(1),), attributes=(concept("lens"),), **change)
    assert route(result) == ("silent", reason)
    (row,) = pairs(result)
    assert (row["pair_id"], row["level"], row["kind"]) == (f"{VIDEO}-v", "video", "silent")
    assert (row["text"], row["narrations"]) == (None, [])
    assert row["title"] == "Phacoemulsification"
    assert (row["start_s"], row["end_s"]) == (0.0, 60.0)
    assert len(row["frame_times_s"]) == 64
    assert [a["label"] for a in row["attributes"]] == ["lens capsule"]
    assert result.dropped == (), "of a silent video no narration is judged"


def test_a_video_without_sound_is_silent_for_that_reason_whatever_else_is_missing() -> None:
    missing = {"speech_ratio": 0.0, "words_per_minute": 0.0, "language": None}
    result = run(narrations=(), has_audio=False, speech={**missing, "language_probability": None})
    assert route(result) == ("silent", "no_audio")


@pytest.mark.parametrize(
    "speech",
    [
        {"speech_ratio": 0.05},
        {"words_per_minute": 10.0},
        {"language": "pt", "language_probability": 0.69},
        {"language": "pt", "language_probability": None},
        {"language": None, "language_probability": None},
    ],
)
def test_speech_just_enough_and_a_language_not_sure_leave_a_video_narrated(speech: dict) -> None:
    result = run(speech=speech)
    assert route(result) == ("narrated", "speech")
    assert [row["level"] for row in pairs(result)] == ["clip", "clip", "video"]


def test_the_language_asked_for_is_that_of_the_settings() -> None:
    portuguese = {"language": "pt", "language_probability": 0.99}
    assert route(run(speech=portuguese, language="pt")) == ("narrated", "speech")
    assert route(run(language="pt")) == ("silent", "language")


def test_a_narration_exactly_at_the_threshold_stays_and_the_next_below_is_dropped() -> None:
    told = (narration(0, descriptive_score=0.3), narration(1, descriptive_score=0.2999))
    result = run(narrations=told)
    assert [row["pair_id"] for row in pairs(result)] == [FIRST, f"{VIDEO}-v"]
    assert pairs(result)[-1]["narrations"] == ["Step 0 is done."]
    (drop,) = result.dropped
    assert (drop.row_id, drop.reason) == (SECOND, "not_descriptive")
    assert drop.message == "score 0.30 < 0.3"


def test_a_clip_gets_the_concepts_of_its_own_narration_and_of_no_other_text() -> None:
    result = run(
        attributes=(
            concept("lens", text_id=SECOND),
            concept("iris", text_id=FIRST),
            concept("cornea", text_id=VIDEO, text_column="title"),
            concept("sclera", text_id=FIRST),
        )
    )
    first, second, whole = pairs(result)
    assert [a["label"] for a in first["attributes"]] == ["iris", "sclera"]
    assert [a["concept_id"] for a in first["attributes"]] == ["anatomy:iris", "anatomy:sclera"]
    assert [a["label"] for a in second["attributes"]] == ["lens"]
    assert whole["attributes"] == [], "a video's concepts are those of video_attributes"


def test_a_video_row_gets_the_concepts_gathered_over_the_video_affirmed() -> None:
    gathered = (
        video_attribute_row(1, label="iris", concept_id="anatomy:iris", clips=3),
        video_attribute_row(1, kind="objective", label="see better", concept_id=None, clips=1),
    )
    first, _, whole = pairs(run(gathered=gathered))
    assert first["attributes"] == []
    assert whole["attributes"] == [
        {"kind": "anatomy", "concept_id": "anatomy:iris", "label": "iris", "negated": False},
        {"kind": "objective", "concept_id": None, "label": "see better", "negated": False},
    ]


def test_hypothetical_concepts_stay_out_and_negated_ones_are_marked() -> None:
    result = run(
        attributes=(
            concept("iris", hypothetical=True),
            concept("lens", negated=True),
            concept("lens", start=20, end=24),
            concept("lens", start=30, end=34),
        )
    )
    first = pairs(result)[0]
    assert [(a["label"], a["negated"]) for a in first["attributes"]] == [
        ("lens", True),
        ("lens", False),
    ]


def test_one_label_of_two_kinds_is_two_concepts() -> None:
    tear = concept("tear", kind="action"), concept("tear", kind="complication")
    (clip, _) = pairs(run(narrations=(narration(0),), attributes=tear))
    assert [a["kind"] for a in clip["attributes"]] == ["action", "complication"]


@pytest.mark.parametrize("licence", ["open", "non_commercial", "standard", "unknown"])
def test_every_row_carries_licence_channel_title_and_split_of_its_video(licence: str) -> None:
    publication = {"licence_class": licence, "channel_id": "UC7"}
    rows = pairs(run(publication=publication, title="DMEK", split="val"))
    shared = {
        (r["licence_class"], r["channel_id"], r["title"], r["split"], r["video_id"], r["kind"])
        for r in rows
    }
    assert shared == {(licence, "UC7", "DMEK", "val", VIDEO, "narrated")}
    assert len(rows) == 3


def test_a_video_without_known_title_or_channel_stays() -> None:
    rows = pairs(run(title=None, publication={"channel_id": None}))
    assert {(row["title"], row["channel_id"]) for row in rows} == {(None, None)}


def test_clips_have_the_span_and_confidence_of_their_narration_and_videos_trust_fully() -> None:
    told = (narration(0, start_s=2.0, end_s=6.5, confidence=0.25),)
    clip, whole = pairs(run(narrations=told))
    assert (clip["start_s"], clip["end_s"], clip["confidence"]) == (2.0, 6.5, 0.25)
    assert (whole["start_s"], whole["end_s"], whole["confidence"]) == (0.0, 60.0, 1.0)


@pytest.mark.parametrize(("clip_frames", "video_frames"), [(8, 64), (1, 3)])
def test_frames_are_evenly_spaced_inside_the_span_of_each_row(
    clip_frames: int, video_frames: int
) -> None:
    told = (narration(0, start_s=3.0, end_s=11.0), narration(1, start_s=59.0, end_s=60.0))
    rows = pairs(run(narrations=told, clip_frames=clip_frames, video_frames=video_frames))
    assert [len(r["frame_times_s"]) for r in rows] == [clip_frames, clip_frames, video_frames]
    for row in rows:
        times, step = (
            row["frame_times_s"],
            (row["end_s"] - row["start_s"]) / len(row["frame_times_s"]),
        )
        assert times == pytest.approx(
            [row["start_s"] + (i + 0.5) * step for i in range(len(times))], abs=0.001
        )
        assert all(row["start_s"] <= time_s < row["end_s"] for time_s in times)
        assert times == [round(time_s, 3) for time_s in times]


def test_an_accepted_rewrite_stands_in_the_clip_and_in_the_list_of_the_video() -> None:
    accepted = rewrite_row(1, narration_id=SECOND, text="Said better.")
    refused = rewrite_row(1, narration_id=FIRST, text=None, outcome="added_side", added=["left"])
    first, second, whole = pairs(run(rewrites=(accepted, refused)))
    assert (first["text"], second["text"]) == ("Step 0 is done.", "Said better.")
    assert whole["narrations"] == ["Step 0 is done.", "Said better."]


def test_a_video_of_no_length_is_dropped_with_neither_route_nor_pairs() -> None:
    result = run(narrations=(), duration_s=0.0)
    assert [(d.row_id, d.reason) for d in result.dropped] == [(VIDEO, "too_short")]
    assert result.tables["pairs"].num_rows == result.tables["routes"].num_rows == 0
