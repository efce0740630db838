"""Lines of the list: folded, moved, mended, refreshed. No video is lost or counted twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ophvl.dataset.store import Store
from ophvl.errors import HostClosedError
from ophvl.partitions import Partitions
from ophvl.report.funnel import count_funnel
from ophvl.sources.source_list import read_source_list
from ophvl.stage import SourceLine, StageResult
from schemas.vocab import FailureKind
from tests.ophvl.toy_folder import ToyFolder
from tests.ophvl.toy_stages import STAGES, ToyConfig


def test_the_same_target_twice_is_expanded_once(toy: ToyFolder) -> None:
    toy.source("a.json", ("a", ""))
    toy.list("a.json", "./a.json", "a.json")
    toy.run(["list"])
    assert toy.calls() == ["list a.json"]
    assert toy.lines() == [
        (1, "a.json", "expanded", 1, 0),
        (2, "./a.json", "folded", 0, 1),
        (3, "a.json", "folded", 0, 1),
    ]


def test_two_lines_with_one_video(toy: ToyFolder) -> None:
    toy.source("one.json", ("a", ""), ("b", ""))
    toy.source("two.json", ("b", ""), ("c", ""))
    toy.source("three.json", ("a", ""))
    toy.list("one.json", "two.json", "three.json")
    toy.run()
    assert toy.lines() == [
        (1, "one.json", "expanded", 2, 0),
        (2, "two.json", "expanded", 1, 1),
        (3, "three.json", "folded", 0, 1),
    ]
    assert toy.column("videos", "video_id") == ["a", "b", "c"]
    toy.calls()
    toy.run()
    assert toy.calls() == []


def test_lines_that_move_keep_their_results(toy: ToyFolder) -> None:
    toy.videos("a", "b")
    toy.run()
    toy.calls()
    toy.source("c.json", ("c", ""))
    toy.list("# a comment", "", "c.json", "b.json", "a.json")
    toy.run()
    assert [call for call in toy.calls() if call.startswith(("list", "fetch"))] == [
        "fetch c",
        "list c.json",
    ]
    assert [(number, text) for number, text, *_ in toy.lines()] == [
        (3, "c.json"),
        (4, "b.json"),
        (5, "a.json"),
    ]
    assert toy.column("videos", "title") == ["Case a", "Case b", "Case c"]


def test_a_line_that_repeats_a_failed_one_is_not_expanded_but_moves_with_the_list(
    toy: ToyFolder,
) -> None:
    toy.videos("a")
    toy.list("typo.json", "typo.json", "a.json")
    toy.run(["list"])
    toy.calls()
    toy.list("# a comment", "typo.json", "typo.json", "a.json")
    toy.run(["list"])
    assert "list a.json" not in toy.calls()
    assert [(number, text) for number, text, *_ in toy.lines()] == [
        (2, "typo.json"),
        (3, "typo.json"),
        (4, "a.json"),
    ]


def test_a_failed_line_is_tried_again_and_forgotten_once_it_is_mended(toy: ToyFolder) -> None:
    toy.videos("a")
    toy.list("a.json", "typo.json")
    for attempt in (1, 2):
        toy.run(["list"], retry=frozenset({FailureKind.NOT_FOUND} if attempt > 1 else ()))
        (failure,) = toy.store.read("failures").to_pylist()
        assert failure["message"] == "list.txt line 2: there is no typo.json"
        assert failure["attempt"] == attempt
    assert toy.lines()[1] == (2, "typo.json", "failed", 0, 0)
    toy.list("a.json")
    toy.run(["list"])
    assert toy.column("failures", "unit") == []
    assert len(toy.lines()) == 1


def test_a_line_taken_off_the_list_keeps_its_videos(toy: ToyFolder) -> None:
    toy.videos("a", "b")
    toy.run()
    toy.calls()
    toy.list("a.json")
    toy.run()
    assert toy.calls() == []
    assert toy.column("videos", "video_id") == ["a", "b"]


def test_what_a_line_led_to_stays_when_it_cannot_be_refreshed(toy: ToyFolder) -> None:
    toy.videos("a", "b")
    toy.run()
    toy.calls()
    (toy.base / "a.json").unlink()
    toy.run()
    assert toy.calls() == ["list a.json"]
    assert toy.lines()[0] == (1, "a.json", "failed", 1, 0)
    assert toy.column("routes", "video_id") == ["a", "b"]
    toy.source("a.json", ("a", ""))
    toy.run()
    assert toy.calls() == ["list a.json"]
    assert toy.lines()[0] == (1, "a.json", "expanded", 1, 0)
    funnel = count_funnel(toy.store)
    assert (funnel.lines.listed, funnel.units.emitted) == (2, 2)


def test_a_video_goes_over_to_the_line_that_still_names_it(toy: ToyFolder) -> None:
    toy.source("one.json", ("a", ""))
    toy.source("two.json", ("a", ""))
    toy.list("one.json", "two.json")
    toy.run()
    toy.calls()
    toy.source("one.json", ("b", ""))
    toy.run()
    assert [call for call in toy.calls() if call.startswith("fetch")] == ["fetch b"]
    assert toy.column("videos", "video_id") == ["a", "b"]
    assert [line[2:] for line in toy.lines()] == [("expanded", 1, 0), ("expanded", 1, 0)]


def test_a_line_folded_into_a_failed_one_takes_its_place(toy: ToyFolder) -> None:
    toy.list("a.json", "./a.json")
    toy.run(["list"])
    assert [line[2:] for line in toy.lines()] == [("failed", 0, 0), ("folded", 0, 0)]
    toy.videos("a")
    toy.list("./a.json")
    toy.run()
    assert toy.lines() == [(1, "./a.json", "expanded", 1, 0)]
    assert toy.column("routes", "video_id") == ["a"]


def test_a_video_that_changes_lines_is_never_without_one(
    toy: ToyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.source("one.json", ("a", ""), ("c", ""))
    toy.source("two.json", ("a", ""), ("d", ""))
    toy.list("one.json")
    toy.run()
    toy.list("two.json", "one.json")
    toy.run()
    assert [line[2:] for line in toy.lines()] == [("expanded", 1, 1), ("expanded", 2, 0)]
    toy.calls()
    seen = []
    commit = Store.commit_batch

    def watched(self: Store, *arguments: Any) -> None:
        commit(self, *arguments)
        seen.append(toy.column("videos", "video_id"))

    monkeypatch.setattr(Store, "commit_batch", watched)
    toy.source("one.json", ("b", ""))
    toy.run()
    assert seen == [["a", "b", "d"]]
    assert [call for call in toy.calls() if call.startswith("fetch")] == ["fetch b"]
    assert [line[2:] for line in toy.lines()] == [("expanded", 2, 0), ("expanded", 1, 0)]


def test_a_line_that_took_a_video_over_may_lose_it_in_the_same_run(toy: ToyFolder) -> None:
    for file in ("one.json", "two.json", "three.json"):
        toy.source(file, ("a", ""))
    toy.list("one.json", "two.json", "three.json")
    toy.run()
    toy.calls()
    toy.source("one.json", ("b", ""))
    toy.source("two.json", ("c", ""))
    toy.run()
    assert [call for call in toy.calls() if call.startswith("fetch")] == ["fetch b", "fetch c"]
    assert toy.column("routes", "video_id") == ["a", "b", "c"]
    assert [line[2:] for line in toy.lines()] == [("expanded", 1, 0)] * 3
    assert toy.run(["list"]).reports[0].unchanged


@pytest.mark.parametrize("how", [{"limit": 1}, {"_LINES_S": 1e-9}])
def test_a_video_that_changes_lines_is_not_redone_after_a_pause(
    toy: ToyFolder, how: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.source("one.json", ("a", ""), ("y", ""))
    toy.source("two.json", ("y", ""))
    toy.source("new.json", ("z", ""))
    toy.list("one.json", "two.json")
    toy.run()
    toy.calls()
    if "_LINES_S" in how:
        monkeypatch.setattr("ophvl.run.runner._LINES_S", how.pop("_LINES_S"))
    toy.source("one.json", ("a", ""))
    toy.list("one.json", "new.json", "two.json")
    toy.run(["list", "fetch"], **how)
    assert [call for call in toy.calls() if call.startswith("fetch")] == ["fetch z"]


def test_a_line_that_fails_keeps_its_folded_videos(toy: ToyFolder, pauses: list[float]) -> None:
    toy.source("one.json", ("a", ""), ("y", ""))
    toy.source("two.json", ("y", ""))
    toy.list("one.json", "two.json")
    toy.run()
    (toy.base / "two.json").unlink()
    toy.run(["list"])
    assert toy.lines()[1][2:] == ("failed", 0, 1)
    toy.source("one.json", ("a", ""))
    toy.run()
    assert toy.lines()[1][2:] == ("failed", 1, 0)
    assert toy.column("routes", "video_id") == ["a", "y"]


def test_a_video_goes_over_to_the_line_of_another_list(toy: ToyFolder) -> None:
    toy.source("one.json", ("a", ""))
    toy.source("two.json", ("a", ""))
    toy.list("one.json")
    toy.run()
    first, toy.list_path = toy.list_path, toy.base / "another.txt"
    toy.list("two.json")
    toy.run()
    toy.calls()
    toy.list_path = first
    toy.source("one.json", ("b", ""))
    toy.run()
    assert toy.column("routes", "video_id") == ["a", "b"]
    assert "fetch a" not in toy.calls()


def test_a_forced_line_below_one_that_means_the_same_loses_nothing(toy: ToyFolder) -> None:
    toy.source("a.json", ("a", ""))
    toy.list("./a.json")
    toy.run()
    toy.list("a.json", "./a.json")
    toy.run(force=True)
    assert toy.column("routes", "video_id") == ["a"]
    assert [line[1:] for line in toy.lines()] == [
        ("a.json", "folded", 0, 1),
        ("./a.json", "expanded", 1, 0),
    ]


def test_jobs_of_an_array_share_the_lines_to_expand_again(toy: ToyFolder) -> None:
    names = [f"v{n}" for n in range(12)]
    toy.videos(*names)
    toy.run(["list"])
    toy.calls()
    asked = []
    for k in (1, 2, 3):
        toy.run(["list"], force=True, partitions=Partitions.share(f"{k}/3"))
        asked.append(toy.calls())
    assert sorted(call for calls in asked for call in calls) == sorted(
        f"list {n}.json" for n in names
    )
    assert all(asked)


def test_a_video_that_no_line_names_any_more_leaves_all_tables(toy: ToyFolder) -> None:
    toy.source("one.json", ("a", ""), ("b", ""))
    toy.list("one.json")
    toy.run()
    toy.source("one.json", ("a", ""))
    toy.run()
    for table in ("videos", "media", "titles", "splits", "routes"):
        assert toy.column(table, "video_id") == ["a"]


def test_a_file_that_is_still_absent_is_not_looked_for_again(toy: ToyFolder) -> None:
    toy.list("a.json")
    toy.run(["list"])
    toy.calls()
    toy.run(["list"])
    assert (toy.calls(), toy.lines()[0][2]) == ([], "failed")
    toy.source("a.json", ("a", ""))
    toy.run(["list"])
    assert (toy.calls(), toy.lines()[0][2]) == (["list a.json"], "expanded")


def test_a_line_below_a_failed_one_that_means_the_same_loses_nothing(toy: ToyFolder) -> None:
    toy.source("a.json", ("a", ""))
    toy.list("./a.json")
    toy.run()
    away = (toy.base / "a.json").rename(toy.base / "away")
    toy.list("a.json", "./a.json")
    toy.calls()
    toy.run()
    assert toy.column("routes", "video_id") == ["a"]
    away.rename(toy.base / "a.json")
    toy.run()
    assert [call for call in toy.calls() if call.startswith("fetch")] == []
    assert toy.column("routes", "video_id") == ["a"]


def test_a_line_folded_into_a_failed_one_leads_somewhere_once_that_does(toy: ToyFolder) -> None:
    toy.list("a.json", "./a.json")
    toy.run(["list"])
    toy.source("a.json", ("a", ""))
    toy.run(["list"])
    assert [line[2:] for line in toy.lines()] == [("expanded", 1, 0), ("folded", 0, 1)]


def test_nothing_goes_over_to_a_line_that_was_taken_off_its_list(toy: ToyFolder) -> None:
    toy.source("one.json", ("v", ""), ("w", ""))
    toy.source("two.json", ("v", ""))
    toy.source("three.json", ("v", ""))
    toy.list("one.json", "two.json", "three.json")
    toy.run()
    (toy.base / "two.json").unlink()
    toy.run()
    toy.source("one.json", ("w", ""))
    toy.list("one.json", "three.json")
    toy.run()
    assert [line[1:] for line in toy.lines()] == [
        ("one.json", "expanded", 1, 0),
        ("three.json", "expanded", 1, 0),
    ]
    assert toy.column("routes", "video_id") == ["v", "w"]


def test_a_retry_voids_what_its_line_no_longer_leads_to(toy: ToyFolder) -> None:
    toy.source("a.json", ("a", ""), ("b", ""))
    toy.list("a.json")
    toy.run()
    (toy.base / "a.json").rename(toy.base / "away")
    toy.run()
    toy.source("a.json", ("a", ""))
    toy.run(retry=frozenset({FailureKind.NOT_FOUND}))
    for table in ("videos", "media", "titles", "routes"):
        assert toy.column(table, "video_id") == ["a"]


def test_two_lists_feed_one_folder(toy: ToyFolder) -> None:
    toy.videos("a", "b")
    toy.run(["list"])
    toy.list_path = toy.base / "another.txt"
    toy.source("c.json", ("c", ""))
    toy.list("c.json", "a.json")
    toy.run(["list"])
    assert toy.column("videos", "video_id") == ["a", "b", "c"]
    assert count_funnel(toy.store).lines.listed == 2 + 2


@pytest.mark.parametrize("count", [40])
def test_many_lines_are_planned_with_few_reads(
    toy: ToyFolder, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.source("all.json", *((f"v{n}", "") for n in range(3)))
    toy.list(*(f"missing{n}.json" for n in range(count)), "all.json")
    toy.run(["list"])
    reads = []
    read = type(toy.store).read

    def counted(self, *args, **keywords):  # type: ignore[no-untyped-def]
        reads.append(args)
        return read(self, *args, **keywords)

    monkeypatch.setattr("ophvl.dataset.store.Store.read", counted)
    toy.list("all.json", *(f"missing{n}.json" for n in range(count)))
    toy.run(["list"])
    assert len(reads) < 10


def test_the_first_line_of_the_list_that_names_a_video_inherits_it(toy: ToyFolder) -> None:
    names = [f"{n}.json" for n in range(6)]
    for name in ("owner.json", *names):
        toy.source(name, ("v", ""))
    toy.list(*names)
    ids = {line.text: line.line_id for line in read_source_list(toy.list_path)}
    names.sort(key=ids.__getitem__, reverse=True)  # The order of the list is not that of the ids.
    toy.list("owner.json", *names)
    toy.run(["list"])
    toy.source("owner.json", ("w", ""))
    toy.run(["list"])
    owners = dict(
        zip(toy.column("videos", "video_id"), toy.column("videos", "line_id"), strict=True)
    )
    assert owners["v"] == ids[names[0]]


def test_a_line_that_repeats_a_deferred_one_is_deferred_too(toy: ToyFolder) -> None:
    def closed(line: SourceLine, *, config: ToyConfig) -> StageResult:
        raise HostClosedError("example.org", 4e9, FailureKind.BLOCKED, "example.org is closed")

    toy.source("a.json", ("a", ""))
    toy.list("a.json", "./a.json")
    toy.run(["list"], stages=(replace(STAGES[0], run=closed), *STAGES[1:]))
    assert len(toy.reporter.deferred) == 2
    assert toy.lines() == []
