"""The runner does what is needed and no more, and loses nothing, whatever a stage does."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ophvl.errors import DiskFullError, UsageError
from ophvl.report.funnel import count_funnel
from ophvl.run.bound_stage import PAUSE_S, TRIES
from ophvl.run.results import StageBug
from schemas.vocab import FailureKind
from tests.ophvl.toy_folder import ALL, ToyFolder
from tests.ophvl.toy_stages import STAGES


def test_all_stages_run_once_and_then_stand(toy: ToyFolder) -> None:
    toy.videos("a", "bt")
    toy.run()
    assert toy.calls() == [
        "card all",
        *("fetch a", "fetch bt"),
        *("list a.json", "list bt.json"),
        *("mark a", "mark bt"),
        *("name a", "name bt"),
        "split a,bt",
    ]
    assert toy.column("titles", "title") == ["Case a", "Case bt"]
    assert toy.column("splits", "split") == ["train", "test"]
    assert sorted(p.name for p in (toy.root / "cards").iterdir()) == ["a.txt", "bt.txt"]
    reporter = toy.run()
    assert toy.calls() == []
    assert reporter.groups == [
        (("list",), 2),
        (("fetch", "name"), 2),
        (("split",), 1),
        (("mark",), 2),
        (("card",), 1),
    ]
    assert all(report.unchanged and not report.entries for report in reporter.reports)


def test_a_changed_column_reruns_only_what_reads_it(toy: ToyFolder) -> None:
    toy.videos("a", "b")
    toy.run()
    toy.calls()
    toy.source("a.json", ("a", "", "A new title"))
    toy.run()
    assert toy.calls() == ["card all", "list a.json", "mark a", "name a"]
    assert toy.column("titles", "title") == ["A new title", "Case b"]


def test_a_change_that_no_stage_reads_reruns_none(toy: ToyFolder) -> None:
    toy.videos("a", "b")
    toy.run()
    toy.calls()
    path = toy.base / "a.json"
    path.write_text(path.read_text().replace('{"id"', '{"description": "New words", "id"'))
    toy.run()
    assert toy.calls() == ["list a.json"]
    assert toy.column("videos", "description") == ["New words", None]


def test_a_changed_config_reruns_its_stage_and_what_follows(toy: ToyFolder) -> None:
    toy.videos("a")
    toy.run()
    toy.calls()
    toy.run(suffix="!")
    assert toy.calls() == ["card all", "mark a", "name a"]
    assert toy.column("titles", "title") == ["Case a!"]


def test_a_new_version_reruns_its_stage_and_no_more_than_its_rows_change(toy: ToyFolder) -> None:
    toy.videos("a")
    toy.run()
    toy.calls()
    newer = [
        dataclasses.replace(s, version=2) if s.name in ("fetch", "split") else s for s in STAGES
    ]
    toy.run(stages=newer)
    assert toy.calls() == ["fetch a", "split a"]


def test_a_stage_may_reuse_what_it_wrote_before(toy: ToyFolder) -> None:
    toy.videos("a")
    toy.run()
    assert toy.column("routes", "reason") == ["speech"]
    toy.run(["mark"], force=True)
    assert toy.column("routes", "reason") == ["no_narration"]


def test_a_new_video_touches_no_other(toy: ToyFolder) -> None:
    toy.videos("a", "b")
    toy.run()
    toy.calls()
    toy.videos(
        "a", "b", "c"
    )  # Writes all files anew: their lines are listed again, with equal rows.
    toy.run()
    assert toy.calls() == [
        *("card all", "fetch c", "list a.json", "list b.json", "list c.json", "mark c", "name c"),
        "split a,b,c",
    ]


def test_only_and_force(toy: ToyFolder) -> None:
    toy.videos("a", "b")
    toy.run()
    toy.calls()
    toy.run(["fetch", "name"], only=("b",), force=True)
    assert toy.calls() == ["fetch b", "name b"]
    assert toy.counts()["name emitted"] == 2
    with pytest.raises(UsageError, match=r"no video nobody is ready for stage fetch"):
        toy.run(["fetch"], only=("nobody",))
    toy.run(force=True)
    assert len(toy.calls()) == 10


def test_a_failure_is_recorded_the_rest_goes_on_and_the_next_run_tries_again(
    toy: ToyFolder,
) -> None:
    toy.videos("a", "c", b="blocked once")
    toy.run()
    assert toy.outcomes("fetch") == {"a": "emitted", "b": "failed", "c": "emitted"}
    assert toy.outcomes("mark") == {"a": "emitted", "c": "emitted"}
    (failure,) = toy.store.read("failures").to_pylist()
    assert (failure["unit"], failure["stage"], failure["kind"]) == ("b", "fetch", "blocked")
    # Line separators and bytes that are no text break neither the ledger nor the table.
    assert failure["message"] == "b \u2028 \\udcff cannot be had"
    assert failure["attempt"] == 1
    before = toy.log.read_text()
    toy.run()
    later = toy.log.read_text().removeprefix(before).splitlines()
    assert [" ".join(line.split()[:2]) for line in later] == [
        *("fetch b", "name b", "split a,b,c", "mark b", "card all"),
    ]
    assert toy.column("failures", "unit") == []
    assert toy.entries("fetch")["b"].attempt == 2


def test_a_lasting_failure_is_tried_again_only_on_request(
    toy: ToyFolder, pauses: list[float]
) -> None:
    toy.videos("a", b="fail", c="drop")
    toy.run()
    toy.calls()
    for kind, calls in ((FailureKind.TIMEOUT, []), (FailureKind.UNREADABLE, ["fetch b"])):
        toy.run(["fetch", "name"], retry=frozenset({kind}))
        toy.run()
        assert toy.calls() == calls
    assert toy.entries("fetch")["b"].attempt == 2
    assert pauses == []


def test_a_retry_takes_up_what_failed_so_and_nothing_else(toy: ToyFolder) -> None:
    toy.videos("a", b="fail", c="blocked once", d="drop")
    toy.list("a.json", "b.json", "c.json", "d.json", "none.json")
    toy.run(["list", "fetch", "name"])
    toy.calls()
    toy.source("none.json", ("e", ""))
    toy.run(["list", "fetch", "name"], retry=frozenset({FailureKind.NOT_FOUND}))
    assert toy.calls() == ["fetch e", "list none.json", "name e"]
    toy.run(["list", "fetch", "name"], retry=frozenset({FailureKind.UNREADABLE}))
    assert toy.calls() == ["fetch b"]
    assert toy.entries("fetch")["b"].attempt == 2
    assert toy.outcomes("fetch") == {
        **dict.fromkeys("ae", "emitted"),
        **dict.fromkeys("bc", "failed"),
        "d": "dropped",
    }


def test_what_a_closed_host_holds_is_pending_and_no_failure(toy: ToyFolder) -> None:
    toy.videos("a", b="https://example.org/closed")
    toy.run(["list", "fetch", "name"])
    assert {unit: str(held) for unit, held in toy.reporter.deferred.items()} == {
        "b": "example.org is closed"
    }
    assert toy.outcomes("fetch") == {"a": "emitted"}
    funnel = count_funnel(toy.store)
    assert (funnel.units.failed, funnel.units.pending) == (0, 2)
    toy.run()
    assert not toy.reporter.deferred
    assert toy.counts()["mark emitted"] == 2


def test_a_full_disk_ends_the_run_and_the_next_goes_on(toy: ToyFolder) -> None:
    toy.videos("a", "c", b="no room")
    with pytest.raises(DiskFullError, match=r"b does not fit.*Make room"):
        toy.run()
    assert toy.outcomes("fetch") == {"a": "emitted", "c": "emitted"}
    toy.run()
    assert toy.calls().count("fetch a") == 1
    assert toy.counts()["mark emitted"] == 3


def test_what_lies_on_the_network_is_fetched_by_other_workers(toy: ToyFolder) -> None:
    toy.videos(
        "a", b="https://example.org/", c="https://example.org/fail", d="https://example.org/"
    )
    toy.run()
    assert toy.counts()["mark emitted"] == 3
    lines = dict(line.rsplit(" ", 1) for line in toy.log.read_text().splitlines())
    assert lines["fetch a"] == lines["name a"] == lines["name b"]
    assert lines["fetch b"] not in (lines["fetch a"], lines["list a.json"])
    reports = [report for report in toy.reporter.reports if report.unit == "b"]
    assert [entry.stage for entry in reports[0].entries] == ["fetch", "name"]
    toy.calls()
    toy.run(model="m2", repin=True)  # What is fetched anew and fails voids the rest.
    assert toy.calls().count("fetch b") == 1


def test_transient_failures_are_retried_within_the_run(toy: ToyFolder, pauses: list[float]) -> None:
    toy.videos("z", a="flaky", b="network down", c="wait a little", d="wait for hours")
    toy.source("e.json", ("e", "flaky list"))
    toy.list("z.json", "a.json", "b.json", "c.json", "d.json", "e.json")
    toy.run(["list", "fetch"])
    calls = toy.calls()
    assert [calls.count(f"fetch {v}") for v in "abcd"] == [3, TRIES, 2, 1]
    assert calls.count("list e.json") == 2
    assert toy.outcomes("fetch") == {
        **dict.fromkeys("acez", "emitted"),
        **dict.fromkeys("bd", "failed"),
    }
    doubled = [PAUSE_S, PAUSE_S * 2]
    assert pauses == [PAUSE_S, *doubled, *doubled, 7.5]


def test_a_drop_ends_the_way_and_voids_what_came_of_it_before(toy: ToyFolder) -> None:
    toy.videos("a", "b")
    toy.run()
    toy.source("b.json", ("b", "drop"))
    toy.run()
    assert toy.outcomes("fetch") == {"a": "emitted", "b": "dropped"}
    for stage, table in (("name", "titles"), ("mark", "routes")):
        assert toy.outcomes(stage) == {"a": "emitted"}
        assert toy.column(table, "video_id") == ["a"]
    assert toy.column("splits", "video_id") == ["a"]
    assert [p.name for p in (toy.root / "cards").iterdir()] == ["a.txt"]
    (dropped,) = toy.store.read("dropped").to_pylist()
    assert dropped == {
        "row_id": "b",
        "unit": "b",
        "stage": "fetch",
        "reason": "too_short",
        "message": "0.5 s",
    }
    toy.calls()
    toy.run()
    assert toy.calls() == []  # A drop stands like a result.
    toy.source("b.json", ("b", ""))
    toy.run()
    assert toy.column("dropped", "unit") == []
    assert toy.counts()["mark emitted"] == 2


def test_a_failure_voids_later_results_also_of_stages_of_a_later_run(toy: ToyFolder) -> None:
    toy.videos("a", "b")
    toy.run()
    toy.source("b.json", ("b", "fail"))
    toy.run(["list", "fetch"])
    toy.run(["name", "split", "mark", "card"])
    assert toy.column("titles", "video_id") == ["a"]
    assert toy.column("routes", "video_id") == ["a"]


def test_a_dropped_row_does_not_end_the_way_of_its_video(toy: ToyFolder) -> None:
    toy.videos(a="drop row")
    toy.run()
    assert toy.outcomes("mark") == {"a": "emitted"}
    assert toy.column("dropped", "row_id") == ["a-n0001"]


def test_a_warning_is_kept_while_what_it_tells_of_lasts(toy: ToyFolder) -> None:
    toy.videos(a="warn", b="")
    toy.run()
    assert toy.outcomes("mark") == {"a": "emitted", "b": "emitted"}
    (warning,) = toy.store.read("warnings").to_pylist()
    assert warning == {
        "unit": "a",
        "stage": "fetch",
        "kind": "cut_short",
        "item": "a",
        "message": "2 s are not there",
    }
    toy.source("a.json", ("a", ""))
    toy.run()
    assert toy.column("warnings", "unit") == []


def test_results_do_not_depend_on_the_range_they_were_run_in(toy: ToyFolder) -> None:
    toy.videos("a")
    for name in ALL:
        toy.run([name])
    toy.calls()
    toy.run()
    assert toy.calls() == []


@pytest.mark.parametrize(
    ("does", "error", "message", "workers"),
    [
        ("bug", RuntimeError, "a bug met b", 1),
        ("break schema", StageBug, "media.width: out of range", 2),
        ("write for another", StageBug, "another unit than b", 1),
        ("write undeclared", StageBug, "declares \\['media'\\]", 1),
    ],
)
def test_a_bug_stops_the_run_and_keeps_what_was_finished(
    toy: ToyFolder, does: str, error: type[Exception], message: str, workers: int
) -> None:
    toy.videos("a", b=does)
    with pytest.raises(error, match=message):
        toy.run(workers=workers)
    assert "b" not in toy.entries("fetch")
    toy.videos("a", "b")
    toy.calls()
    toy.run()
    assert toy.calls().count("fetch b") == 1
    assert toy.counts()["mark emitted"] == 2


def test_two_workers_do_the_same_as_one(toy: ToyFolder, tmp_path: Path) -> None:
    one, two = ToyFolder(tmp_path / "one"), ToyFolder(tmp_path / "two")
    for folder, workers in ((one, 1), (two, 2)):
        folder.base.mkdir()
        folder.videos("a", "b", "ct", d="drop", e="fail")
        folder.run(["list", "fetch", "name"], workers=workers)
    for name in ("media", "titles", "dropped"):
        assert one.store.read(name).equals(two.store.read(name))
    assert one.counts() == two.counts()
    assert one.entries("name")["a"].hashes == two.entries("name")["a"].hashes
