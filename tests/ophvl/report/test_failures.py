"""Failures and waiting items in words."""

from __future__ import annotations

from ophvl.dataset.store import Store
from ophvl.errors import HostClosedError
from ophvl.report.failures import Failure, failure_lines, waiting_lines, warning_lines
from schemas.vocab import FailureKind
from tests.factories import table, video_id, warning_row
from tests.ophvl.dataset.results import entry_of


def failures(count: int, kind: str, host: str) -> list[Failure]:
    return [
        Failure(stage="download", unit=f"v{n}", kind=kind, host=host, message=f"no\x1b[31m {n}")
        for n in range(count)
    ]


def test_a_few_of_each_kind_on_each_host() -> None:
    text = failure_lines(
        [
            *failures(3, "not_found", ""),
            *failures(900, "timeout", "a.example"),
            *failures(4, "timeout", "b.example"),
            *failures(4, "empty", ""),
        ]
    )
    assert text[0] == "failed at download: v0: timeout: no\N{REPLACEMENT CHARACTER}[31m 0"
    assert [line for line in text if line.startswith("and")] == [
        "and 897 more of timeout on a.example",
        "and 1 more of empty on this machine",
        "and 1 more of timeout on b.example",
    ]
    assert len(text) == 4 * 3 + 3
    assert failure_lines([]) == []


def test_many_hosts_do_not_flood_the_end() -> None:
    hosts = [f"{n}.example" for n in range(500)]
    text = failure_lines(failure for host in hosts for failure in failures(2, "network", host))
    assert len(text) == 20 * 2 + 1
    assert text[-1].startswith("and 960 more of other kinds and hosts; `ophvl status`")


def test_a_closed_host_has_one_line() -> None:
    closed = [
        HostClosedError(host, 4e9, FailureKind.BLOCKED, f"{host} is closed")
        for host in ("b.example", "a.example", "b.example")
    ]
    assert waiting_lines(closed, "video(s)") == [
        "1 video(s) wait: a.example is closed",
        "2 video(s) wait: b.example is closed",
    ]


def test_warnings_of_the_stages_are_told_a_few_of_each_kind(store: Store) -> None:
    for n in range(5):
        row = warning_row(n, item="v.srt" if n == 0 else video_id(n), message=f"bad\x1b {n}")
        store.commit(entry_of(n, "download"), {"warnings": table("warnings", row)})
    text = warning_lines(store, ["download"])
    assert text[0] == f"warning: {video_id(0)}: v.srt: bad\N{REPLACEMENT CHARACTER} 0"
    assert text[1] == f"warning: {video_id(1)}: bad\N{REPLACEMENT CHARACTER} 1"
    assert text[3] == "and 2 more of cut_short; table `warnings` holds all"
    assert warning_lines(store, ["transcribe"]) == []
