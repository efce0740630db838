"""The checks find everything that is wrong at once, and name ids and values."""

from __future__ import annotations

import math

import pyarrow as pa
import pytest

from schemas.base import SHOWN
from schemas.catalogue import TABLES
from schemas.labels import LABELS
from schemas.narrations import NARRATIONS
from schemas.shards import SHARDS
from schemas.splits import SPLITS
from schemas.videos import VIDEOS
from tests.factories import (
    label_row,
    narration_row,
    route_row,
    shard_row,
    split_row,
    table,
    video_row,
)


def rules(name: str, *rows: object) -> dict[str, str]:
    """Rule to column of everything that is found wrong."""
    spec = TABLES[name]
    return {v.rule: v.column for v in spec.check(spec.table(rows))}


def test_everything_wrong_is_found_at_once() -> None:
    rows = [
        narration_row(1, text="  \t ", end_s=1.0),
        narration_row(1, confidence=1.5),
        narration_row(2, video_id=None),
    ]
    assert rules("narrations", *rows) == {
        "null": "video_id",
        "repeated key": "narration_id",
        "bad span": "start_s",
        "blank": "text",
        "out of range": "confidence",
    }


@pytest.mark.parametrize("value", [-0.01, 1.01, math.nan, math.inf, -math.inf])
def test_out_of_range(value: float) -> None:
    assert rules("narrations", narration_row(1, confidence=value)) == {"out of range": "confidence"}


@pytest.mark.parametrize("span", [(2.0, 2.0), (3.0, 2.0), (-1.0, 2.0), (0.0, math.nan)])
def test_bad_spans(span: tuple[float, float]) -> None:
    rows = [label_row(1, start_s=span[0], end_s=span[1])]
    assert "bad span" in {v.rule for v in LABELS.check(LABELS.table(rows))}


@pytest.mark.parametrize("id_", ["", "a.b", "a/b", "a b", "..", "a\n", "é"])
def test_ids_that_no_file_name_bears(id_: str) -> None:
    assert rules("videos", video_row(1, video_id=id_)) == {"malformed": "video_id"}


def test_closed_vocabularies() -> None:
    assert rules("splits", split_row(1, split="holdout")) == {"not in set": "split"}
    assert rules("titles") == {}


def test_a_clip_needs_a_text_and_a_video_does_not() -> None:
    assert rules("shards", shard_row(1, text=None)) == {"missing": "text"}
    assert rules("shards", shard_row(1, text=None, level="video")) == {}


@pytest.mark.parametrize("times", [[], [1.0], [1.0, 2.0, 3.0]])
def test_every_frame_has_its_time(times: list[float]) -> None:
    assert rules("shards", shard_row(1, frame_times_s=times)) == {
        "frames and times differ": "frame_times_s"
    }
    empty = SHARDS.table([shard_row(1, frames=[], frame_times_s=[])])
    assert [v.rule for v in SHARDS.check(empty)] == ["frames and times differ"]


def test_extra_missing_and_wrong_columns_stop_the_other_checks() -> None:
    rows = table("splits", split_row(1, split="holdout"))
    rows = rows.append_column("note", pa.array(["x"]))
    rows = rows.set_column(0, "video_id", pa.array([7]))
    assert {(v.rule, v.column) for v in SPLITS.check(rows)} == {
        ("extra column", "note"),
        ("wrong type", "video_id"),
    }
    missing = table("splits", split_row(1)).drop_columns(["split"])
    assert {(v.rule, v.column) for v in SPLITS.check(missing)} == {("missing column", "split")}


def test_a_table_without_version_is_refused() -> None:
    bare = table("splits", split_row(1)).replace_schema_metadata(None)
    (violation,) = SPLITS.check(bare)
    assert violation.examples == ("no version",)


def test_a_violation_names_some_and_counts_all() -> None:
    rows = [narration_row(n, confidence=2.0) for n in range(12)]
    (violation,) = NARRATIONS.check(NARRATIONS.table(rows))
    assert violation.count == 12
    assert len(violation.examples) == SHOWN
    assert violation.examples[0] == "youtube_00000-n0001 = 2.0"
    assert str(violation).endswith("and 7 more")


def test_long_values_are_cut_and_quoted() -> None:
    rows = [video_row(1, video_id="x. " * 100)]
    (violation,) = VIDEOS.check(VIDEOS.table(rows))
    assert len(violation.examples[0]) < 500
    assert "..." in violation.examples[0]


def test_dangling_foreign_keys() -> None:
    (key,) = SPLITS.foreign_keys
    splits = table("splits", split_row(1), split_row(2), split_row(3))
    videos = table("videos", video_row(1), video_row(3))
    (violation,) = SPLITS.check_foreign_key(splits, key, videos.column("video_id"))
    assert violation.examples == ("youtube_00002 = 'youtube_00002'",)
    chunked = pa.chunked_array([["youtube_00001"], ["youtube_00002", "youtube_00003"]])
    assert SPLITS.check_foreign_key(splits, key, chunked) == []


def test_a_null_foreign_key_names_nothing() -> None:
    (key,) = SPLITS.foreign_keys
    splits = table("splits", split_row(1, video_id=None))
    assert SPLITS.check_foreign_key(splits, key, pa.array(["x"])) == []


def test_a_row_of_another_table_is_refused() -> None:
    with pytest.raises(AttributeError, match="split"):
        SPLITS.table([route_row(1)])


def test_chunked_tables_are_checked_whole() -> None:
    rows = pa.concat_tables([table("splits", split_row(1)), table("splits", split_row(1))])
    assert [v.rule for v in SPLITS.check(rows)] == ["repeated key"]
