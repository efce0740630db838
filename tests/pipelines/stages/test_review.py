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
