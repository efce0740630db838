"""Which line describes a video that several lead to, and for how long."""

from __future__ import annotations

from tests.ophvl.toy_folder import ToyFolder


def test_a_video_stays_described_by_the_line_that_named_it_first(toy: ToyFolder) -> None:
    for file in ("low.json", "first.json"):
        toy.source(file, ("v", ""))
    toy.source("high.json", ("v", ""), ("w", ""))
    toy.list("first.json")
    toy.run(["list"])
    toy.list("low.json", "first.json", "high.json")
    toy.run(["list"])
    described = toy.column("videos", "line_id")
    toy.source("high.json", ("w", ""))
    toy.run(["list"])
    assert toy.column("videos", "line_id") == described


def test_a_failed_line_off_its_list_stays_while_it_describes_a_video(toy: ToyFolder) -> None:
    toy.videos("a", "b")
    toy.run()
    (toy.base / "a.json").unlink()
    toy.run()
    toy.list("b.json")
    toy.run()
    assert [line[1:4] for line in toy.lines()] == [
        ("a.json", "failed", 1),
        ("b.json", "expanded", 1),
    ]
    assert set(toy.column("videos", "line_id")) == set(toy.column("sources", "line_id"))
