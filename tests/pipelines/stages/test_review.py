"""What readers judged reaches the stages, and only the videos it is about are done again."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from ophvl.dataset.overrides import FILE, Override, Overrides, write_overrides
from pipelines.stages.review import ReviewConfig, review
from schemas.overrides import OVERRIDES
from schemas.vocab import Kind, Target


def test_a_video_gets_its_own_overrides(tmp_path: Path) -> None:
    rows = [
        Override.of(
            "the bag",
            video_id=f"file_{letter}",
            target=Target.ATTRIBUTE,
            kind=Kind.ANATOMY,
            start=4,
            end=7,
            value="capsular bag",
        )
        for letter in "aab"
    ]
    write_overrides(tmp_path / FILE, rows)
    result = review(
        pa.table({"video_id": ["file_a"]}),
        config=ReviewConfig(),
        overrides=Overrides(tmp_path / FILE),
    )
    table = result.tables["overrides"]
    assert OVERRIDES.check(table) == []
    assert table.column("override_id").to_pylist() == ["file_a-o0000", "file_a-o0001"]


def test_without_a_review_there_are_none(tmp_path: Path) -> None:
    result = review(
        pa.table({"video_id": ["file_a"]}),
        config=ReviewConfig(),
        overrides=Overrides(tmp_path / FILE),
    )
    assert result.tables["overrides"].num_rows == 0


def test_a_row_holds_each_word_of_the_judgement_in_its_own_column(tmp_path: Path) -> None:
    judged = [
        Override.of(
            "Now the bag is filled again",
            video_id=video_id,
            target=Target.ATTRIBUTE,
            kind=Kind.ANATOMY,
            start=8,
            end=11,
            value=value,
        )
        for video_id, value in (("file_b", "x"), ("file_a", "second"), ("file_a", "first"))
    ]
    write_overrides(tmp_path / FILE, judged)
    result = review(
        pa.table({"video_id": ["file_a"]}),
        config=ReviewConfig(),
        overrides=Overrides(tmp_path / FILE),
    )
    rows = result.tables["overrides"].to_pylist()
    assert [row["value"] for row in rows] == ["second", "first"], "in the order of the file"
    assert rows[0] == {
        "override_id": "file_a-o0000",
        "video_id": "file_a",
        "target": "attribute",
        "kind": "anatomy",
        "before": "now the",
        "surface": "bag",
        "after": "is filled",
        "value": "second",
    }
