"""Routes with their reasons, and pairs at both levels."""

import pyarrow as pa
import pytest

from pipelines.stages.pair import PairConfig, choose_route, frame_times, pair
from schemas.pairs import PAIRS
from schemas.rewrites import RewriteRow
from schemas.routes import ROUTES
from schemas.vocab import DropReason, Route, RouteReason
from tests.factories import rewrite_row, table

VIDEO = "file_0123456789abcdef"
SPOKEN = {
    "speech_ratio": 0.8,
    "words_per_minute": 120.0,
    "language": "en",
    "language_probability": 0.99,
}


def inputs(
    *,
    duration_s: float = 60.0,
    has_audio: bool = True,
    scores: tuple[float, ...] = (),
    rewrites: tuple[RewriteRow, ...] = (),
):
    """The tables of one video whose narrations have these descriptive scores."""
    narrations = [
        {
            "narration_id": f"{VIDEO}-n{number:04d}",
            "video_id": VIDEO,
            "start_s": 10.0 * number,
            "end_s": 10.0 * number + 4.0,
            "text": f"I do step {number}.",
            "descriptive_score": score,
            "confidence": 0.9,
        }
        for number, score in enumerate(scores)
    ]
    from schemas.narrations import NARRATIONS

    told = (
        pa.Table.from_pylist(narrations)
        if narrations
        else NARRATIONS.empty().drop_columns(["text_asr"])
    )
    concept = {"kind": "phase", "concept_id": "phase:incision", "label": "incision"}
    found = {"video_id": VIDEO, "text_id": f"{VIDEO}-n0000", "hypothetical": False, "negated": True}
    return {
        "publications": pa.table(
            {"video_id": [VIDEO], "channel_id": ["c1"], "licence_class": ["open"]}
        ),
        "media": pa.table(
            {"video_id": [VIDEO], "duration_s": [duration_s], "has_audio": [has_audio]}
        ),
        "speech": pa.Table.from_pylist([{"video_id": VIDEO, **SPOKEN}]),
        "narrations": told,
        "attributes": pa.Table.from_pylist([found | concept, found | concept]),
        "video_attributes": pa.Table.from_pylist([{"video_id": VIDEO, **concept}]),
        "rewrites": table("rewrites", *rewrites),
        "titles": pa.table({"video_id": [VIDEO], "title": ["Phacoemulsification"]}),
        "splits": pa.table({"video_id": [VIDEO], "split": ["train"]}),
    }


def test_narrated_video_gives_a_clip_for_each_descriptive_narration_and_one_whole_row() -> None:
    result = pair(**inputs(scores=(0.9, 0.1, 0.6)), config=PairConfig())
    pairs, routes = result.tables["pairs"], result.tables["routes"]
    assert PAIRS.check(pairs) == []
    assert ROUTES.check(routes) == []
    assert pairs.column("pair_id").to_pylist() == [f"{VIDEO}-n0000", f"{VIDEO}-n0002", f"{VIDEO}-v"]
    assert pairs.column("kind").to_pylist() == ["narrated"] * 3
    whole = pairs.to_pylist()[-1]
    assert whole["narrations"] == ["I do step 0.", "I do step 2."]
    assert len(whole["frame_times_s"]) == 64
    assert whole["text"] is None
    (drop,) = result.dropped
    assert (drop.row_id, drop.reason) == (f"{VIDEO}-n0001", DropReason.NOT_DESCRIPTIVE)


@pytest.mark.parametrize("duration_s", [60.0, 2400.0, 36000.0])
def test_a_video_of_any_length_names_equally_many_pictures(duration_s: float) -> None:
    config = PairConfig()
    made = pair(**inputs(duration_s=duration_s, scores=(0.9,)), config=config).tables["pairs"]
    shown = [len(row["frame_times_s"]) for row in made.to_pylist()]
    assert shown == [config.clip_frames, config.video_frames]


def test_narrations_come_in_the_order_of_time_with_their_own_confidence() -> None:
    tables = inputs(scores=(0.9, 0.9))
    said = tables["narrations"].set_column(
        tables["narrations"].column_names.index("confidence"), "confidence", [[0.8, 0.4]]
    )
    tables["narrations"] = said.take([1, 0])
    rows = pair(**tables, config=PairConfig()).tables["pairs"].to_pylist()
    assert [row["text"] for row in rows] == ["I do step 0.", "I do step 1.", None]
    assert [row["confidence"] for row in rows] == [0.8, 0.4, 1.0]
    assert rows[-1]["narrations"] == ["I do step 0.", "I do step 1."]


def test_concepts_of_a_clip_are_listed_once_and_keep_their_negation() -> None:
    clip = pair(**inputs(scores=(0.9,)), config=PairConfig()).tables["pairs"].to_pylist()[0]
    assert clip["attributes"] == [
        {"kind": "phase", "concept_id": "phase:incision", "label": "incision", "negated": True}
    ]


@pytest.mark.parametrize(("use", "first"), [(True, "Step 0 is done."), (False, "I do step 0.")])
def test_an_accepted_rewrite_takes_the_place_of_the_narration(use: bool, first: str) -> None:
    rewrites = (
        rewrite_row(1, narration_id=f"{VIDEO}-n0000", text="Step 0 is done."),
        rewrite_row(1, narration_id=f"{VIDEO}-n0001", text=None, outcome="added_number"),
    )
    tables = inputs(scores=(0.9, 0.9), rewrites=rewrites)
    rows = pair(**tables, config=PairConfig(use_rewrites=use)).tables["pairs"].to_pylist()
    assert [row["text"] for row in rows] == [first, "I do step 1.", None]
    assert rows[-1]["narrations"] == [first, "I do step 1."]


def test_narrated_video_without_descriptive_narration_joins_the_silent_pool() -> None:
    result = pair(**inputs(scores=(0.1,)), config=PairConfig())
    assert result.tables["pairs"].column("kind").to_pylist() == ["silent"]
    assert result.tables["routes"].column("reason").to_pylist() == ["no_narration"]


def test_lowering_the_threshold_brings_narrations_back() -> None:
    config = PairConfig(min_descriptive_score=0.0)
    result = pair(**inputs(scores=(0.1,)), config=config)
    assert result.tables["pairs"].num_rows == 2
    assert result.dropped == ()


def test_video_of_no_length_is_dropped() -> None:
    result = pair(**inputs(duration_s=0.0), config=PairConfig())
    assert [(d.row_id, d.reason) for d in result.dropped] == [(VIDEO, DropReason.TOO_SHORT)]
    assert result.tables["pairs"].num_rows == 0


@pytest.mark.parametrize(
    ("has_audio", "change", "has_narration", "expected"),
    [
        (True, {}, True, (Route.NARRATED, RouteReason.SPEECH)),
        (False, {}, True, (Route.SILENT, RouteReason.NO_AUDIO)),
        (True, {"speech_ratio": 0.01}, True, (Route.SILENT, RouteReason.LITTLE_SPEECH)),
        (True, {"words_per_minute": 2.0}, True, (Route.SILENT, RouteReason.LITTLE_SPEECH)),
        (True, {"language": "pt"}, True, (Route.SILENT, RouteReason.LANGUAGE)),
        # Speech in a language that the weights do not know gives no words.
        (
            True,
            {"language": "pt", "words_per_minute": 0.0},
            False,
            (Route.SILENT, RouteReason.LANGUAGE),
        ),
        # A language that is only guessed decides nothing.
        (
            True,
            {"language": "pt", "language_probability": 0.4},
            True,
            (Route.NARRATED, RouteReason.SPEECH),
        ),
        (True, {}, False, (Route.SILENT, RouteReason.NO_NARRATION)),
    ],
)
def test_route_and_reason(has_audio, change, has_narration, expected) -> None:
    assert choose_route(has_audio, SPOKEN | change, has_narration, PairConfig()) == expected


def test_spread_lies_inside_the_span_and_is_even() -> None:
    times = frame_times(10.0, 18.0, 8)
    assert times == [10.5, 11.5, 12.5, 13.5, 14.5, 15.5, 16.5, 17.5]
    assert frame_times(0.0, 0.3, 1) == [0.15]
