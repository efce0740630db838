"""Hosts are asked at a pace that they bear, all processes together; one that refuses is left alone."""

from __future__ import annotations

import itertools
import threading
import time
from pathlib import Path

import pytest

from ophvl.backends import pacer
from ophvl.backends.paced import PacedDownloader
from ophvl.backends.pacer import Pace, Pacer, closed_hosts, host_of, is_local
from ophvl.errors import HostClosedError, ItemError
from ophvl.ports import Fetched, Found
from schemas.vocab import FailureKind

PACE = Pace(gap_s=0.2, per_hour=300, pause_s=0.1, local=False)
HOST = "videos.example"


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands, but for sleep."""
    now = [1_000_000.0]
    noted: list[float] = []

    def sleep(seconds: float) -> None:
        noted.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(pacer.time, "time", lambda: now[0])
    monkeypatch.setattr(pacer.time, "sleep", sleep)
    return noted


def refusal(kind: FailureKind, retry_after_s: float | None = None) -> ItemError:
    return ItemError(kind, "HTTP Error 429", retry_after_s)


def test_requests_are_a_gap_apart_with_jitter(tmp_path: Path, slept: list[float]) -> None:
    for _ in range(50):
        Pacer(tmp_path, PACE).wait(HOST)
    assert slept[0] == 0.0
    gaps = slept[1:]
    assert all(0.1 <= gap <= 0.3 for gap in gaps)
    assert len({round(gap, 3) for gap in gaps}) > 20
    assert sum(gaps) / len(gaps) == pytest.approx(0.2, abs=0.03)


def test_an_hour_has_a_budget(tmp_path: Path, slept: list[float]) -> None:
    found = Pacer(tmp_path, Pace(gap_s=1.0, per_hour=10, pause_s=1.0, local=False))
    for _ in range(25):
        found.wait(HOST)
    at = [sum(slept[: n + 1]) for n in range(25)]
    assert all(at[n + 10] - at[n] >= 3600.0 - 1e-6 for n in range(15))
    assert at[9] < 20


def test_the_pace_is_one_for_all_processes_and_each_host_has_its_own(tmp_path: Path) -> None:
    asked: dict[str, list[float]] = {HOST: [], "other.example": []}

    def ask(host: str) -> None:
        for _ in range(3):
            Pacer(tmp_path, PACE).wait(host)
            asked[host].append(time.time())

    threads = [threading.Thread(target=ask, args=(host,)) for host in (HOST, HOST, "other.example")]
    started = time.time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times = sorted(asked[HOST])
    assert all(after - before > 0.08 for before, after in itertools.pairwise(times))
    assert asked["other.example"][0] - started < 0.2


def test_this_machine_is_asked_at_once_unless_it_is_wanted_otherwise(
    tmp_path: Path, slept: list[float]
) -> None:
    for _ in range(5):
        Pacer(tmp_path, PACE).wait("127.0.0.1:8000")
    assert sum(slept) == 0.0
    strict = Pacer(tmp_path, Pace(gap_s=0.2, per_hour=300, pause_s=0.1, local=True))
    for _ in range(5):
        strict.wait("127.0.0.1:8000")
    assert sum(slept) > 0.3


def test_refusals_are_waited_for_longer_and_longer_and_then_the_host_is_closed(
    tmp_path: Path, slept: list[float]
) -> None:
    found = Pacer(tmp_path, Pace(gap_s=0.0, per_hour=300, pause_s=20.0, local=False))
    found.wait(HOST)
    waited = []
    for _ in range(2):
        found.refused(HOST, refusal(FailureKind.RATE_LIMITED))
        found.wait(HOST)
        waited.append(slept[-1])
    assert waited == pytest.approx([20.0, 40.0])
    found.refused(HOST, refusal(FailureKind.RATE_LIMITED))
    with pytest.raises(
        HostClosedError, match=r"videos.example wants no requests until .*429"
    ) as err:
        found.wait(HOST)
    assert err.value.until_s == pytest.approx(pacer.time.time() + 900)
    assert [state.host for state in closed_hosts(tmp_path)] == [HOST]
    found.wait("other.example")
    pacer.time.sleep(901)
    found.wait(HOST)
    found.accepted(HOST)
    assert closed_hosts(tmp_path) == []
    found.refused(HOST, refusal(FailureKind.RATE_LIMITED))
    found.wait(HOST)
    assert slept[-1] == pytest.approx(20.0), "an answer in between begins anew"


@pytest.mark.parametrize(
    ("kind", "asked_s", "refusals", "closed_s"),
    [
        (FailureKind.BLOCKED, None, 2, 6 * 3600),
        (FailureKind.BLOCKED, 7 * 3600.0, 1, 7 * 3600),
        (FailureKind.RATE_LIMITED, 7200.0, 1, 7200),
        (FailureKind.FORBIDDEN, None, 5, 3600),
    ],
)
def test_a_block_closes_the_host(
    tmp_path: Path,
    slept: list[float],
    kind: FailureKind,
    asked_s: float | None,
    refusals: int,
    closed_s: float,
) -> None:
    found = Pacer(tmp_path, PACE)
    for _ in range(refusals):
        found.wait(HOST)
        found.refused(HOST, refusal(kind, asked_s))
    with pytest.raises(HostClosedError) as err:
        found.wait(HOST)
    limited = kind is FailureKind.RATE_LIMITED
    assert err.value.kind is (kind if limited else FailureKind.BLOCKED), "so it is tried again"
    # What was asked for before, and is answered now, opens nothing.
    found.accepted(HOST)
    found.refused(HOST, refusal(FailureKind.FORBIDDEN))
    with pytest.raises(HostClosedError):
        found.wait(HOST)
    assert err.value.until_s - pacer.time.time() == pytest.approx(closed_s, abs=5)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://www.youtube.com/watch?v=x", "youtube.com"),
        ("https://youtu.be/x", "youtube.com"),
        ("ytsearch20:phaco", "youtube.com"),
        ("https://me:secret@Host.Example:8443/x", "host.example:8443"),
        ("https://notyoutube.com/x", "notyoutube.com"),
        ("http://[::1", ""),
    ],
)
def test_the_host_of_an_address(url: str, host: str) -> None:
    assert host_of(url) == host


def test_local_hosts() -> None:
    local = [
        "127.0.0.1",
        "127.0.0.1:80",
        "localhost:8000",
        "10.1.2.3",
        "192.168.0.7:1",
        "[::1]:80",
        "",
    ]
    assert all(map(is_local, local))
    assert not any(map(is_local, ["8.8.8.8", "example.org", "localhost.example.org:80"]))


class _Answers:
    """A downloader that fails as it is told."""

    revision = "1"

    def __init__(self, *faults: FailureKind | None) -> None:
        self.faults = list(faults)
        self.asked = 0

    def expand(self, url: str) -> list[Found]:
        self.asked += 1
        fault = self.faults.pop(0)
        if fault:
            raise ItemError(fault, "no")
        return []

    def fetch(self, url: str, directory: Path, video_id: str) -> Fetched:
        raise NotImplementedError


def test_only_refusals_of_ourselves_stop_a_host(tmp_path: Path, slept: list[float]) -> None:
    blocked = FailureKind.BLOCKED
    inner = _Answers(FailureKind.NOT_FOUND, FailureKind.TIMEOUT, blocked, None, blocked, blocked)
    paced = PacedDownloader(inner=inner, pacer=Pacer(tmp_path, PACE))
    for _ in range(3):
        with pytest.raises(ItemError):
            paced.expand(f"https://{HOST}/a")
    assert paced.expand(f"https://{HOST}/a") == [], "one guarded page is not the host"
    for _ in range(2):
        with pytest.raises(ItemError):
            paced.expand(f"https://{HOST}/a")
    for _ in range(3):
        with pytest.raises(HostClosedError):
            paced.expand(f"https://{HOST}/a")
    assert inner.asked == 6
