"""Stages of the whole corpus: what they are run on, and the folder that an export makes."""

from __future__ import annotations

import pytest

from ophvl.errors import UsageError
from tests.ophvl.toy_folder import ToyFolder


def test_a_video_stuck_before_the_export_does_not_get_out(toy: ToyFolder) -> None:
    toy.videos("a")
    toy.source("b.json", ("b", "", "unmarkable"))
    toy.list("a.json", "b.json")
    toy.run()
    assert toy.column("titles", "video_id") == ["a", "b"]
    assert [p.name for p in (toy.root / "cards").iterdir()] == ["a.txt"]


def test_the_export_folder_is_replaced_whole_and_made_again_when_lost(toy: ToyFolder) -> None:
    toy.videos("a", "b")
    toy.run()
    (toy.root / "cards" / "stray.txt").write_text("not ours")
    toy.videos("a")
    toy.source("b.json", ("b", "drop"))
    toy.list("a.json", "b.json")
    toy.run()
    assert [p.name for p in (toy.root / "cards").iterdir()] == ["a.txt"]
    (toy.root / "cards" / "a.txt").unlink()
    (toy.root / "cards").rmdir()
    toy.calls()
    toy.run()
    assert toy.calls() == ["card all"]
    assert [p.name for p in (toy.root / "cards").iterdir()] == ["a.txt"]


def test_a_stage_without_ready_videos_is_refused(toy: ToyFolder) -> None:
    toy.videos("a")
    toy.run(["list"])
    with pytest.raises(UsageError, match="no video is ready for stage split"):
        toy.run(["split"])


def test_where_every_video_failed_there_is_nothing_to_wait_for(toy: ToyFolder) -> None:
    toy.videos(a="fail")
    toy.run()
    assert toy.outcomes("fetch") == {"a": "failed"}
    assert list((toy.root / "cards").iterdir()) == []
