"""Hosts are asked at a pace that they bear, all processes together; one that refuses is left alone."""

from __future__ import annotations

import itertools
import pickle
import threading
import time
from pathlib import Path

import pytest

from ophvl.download import rate_limiter
from ophvl.download.rate_limited import PacedDownloader
from ophvl.download.rate_limiter import Pace, Pacer, closed_hosts, host_of, is_local
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

    monkeypatch.setattr(rate_limiter.time, "time", lambda: now[0])
    monkeypatch.setattr(rate_limiter.time, "sleep", sleep)
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
    assert err.value.until_s == pytest.approx(rate_limiter.time.time() + 900)
    assert [state.host for state in closed_hosts(tmp_path)] == [HOST]
    found.wait("other.example")
    rate_limiter.time.sleep(901)
    found.accepted(HOST, found.wait(HOST))
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
        before_s = found.wait(HOST)
        found.refused(HOST, refusal(kind, asked_s))
    with pytest.raises(HostClosedError) as err:
        found.wait(HOST)
    limited = kind is FailureKind.RATE_LIMITED
    assert err.value.kind is (kind if limited else FailureKind.BLOCKED), "so it is tried again"
    # What was asked for before, and is answered now, opens nothing.
    found.accepted(HOST, before_s)
    found.refused(HOST, refusal(FailureKind.FORBIDDEN))
    with pytest.raises(HostClosedError):
        found.wait(HOST)
    assert err.value.until_s - rate_limiter.time.time() == pytest.approx(closed_s, abs=5)


@pytest.mark.parametrize(
    ("told", "more_s"),
    [(refusal(FailureKind.RATE_LIMITED, 30.0), 30.0), (refusal(FailureKind.BLOCKED, 7200.0), None)],
)
def test_who_waits_looks_again_before_it_asks(
    tmp_path: Path, slept: list[float], monkeypatch: pytest.MonkeyPatch, told, more_s
) -> None:
    found = Pacer(tmp_path, PACE)
    found.wait(HOST)
    sleep = rate_limiter.time.sleep

    def sleep_while_another_is_refused(seconds: float) -> None:
        monkeypatch.setattr(rate_limiter.time, "sleep", sleep)
        sleep(seconds)
        found.refused(HOST, told)

    monkeypatch.setattr(rate_limiter.time, "sleep", sleep_while_another_is_refused)
    if more_s is None:
        with pytest.raises(HostClosedError):
            found.wait(HOST)
    else:
        found.wait(HOST)
        assert slept[-1] == more_s


@pytest.mark.parametrize(
    ("kinds", "closed_s"),
    [
        ("forbidden rate_limited forbidden", 900),
        ("forbidden rate_limited forbidden rate_limited forbidden", 3600),
        ("forbidden forbidden blocked", 6 * 3600),
        ("rate_limited blocked rate_limited", 6 * 3600),
    ],
)
def test_refusals_of_several_kinds_count_together(
    tmp_path: Path, slept: list[float], kinds: str, closed_s: float
) -> None:
    found = Pacer(tmp_path, PACE)
    for kind in kinds.split():
        found.refused(HOST, refusal(FailureKind(kind)))
    (state,) = closed_hosts(tmp_path)
    assert state.closed_until_s - rate_limiter.time.time() == pytest.approx(closed_s, abs=1)
    assert state.kind == ("blocked" if "blocked" in kinds else "rate_limited"), "the gravest"


def test_an_answer_to_an_earlier_request_forgives_no_later_refusal(
    tmp_path: Path, slept: list[float]
) -> None:
    found = Pacer(tmp_path, PACE)
    for _ in range(5):
        with found.asking(f"https://{HOST}/long"):
            found.refused(HOST, refusal(FailureKind.FORBIDDEN))
    assert [state.refusals for state in closed_hosts(tmp_path)] == [5]


@pytest.mark.parametrize("text", ["", "[]", '{"host": "videos.example", "later": 1}', "\x00"])
def test_a_state_of_another_version_is_that_of_a_host_not_asked_yet(
    tmp_path: Path, text: str
) -> None:
    found = Pacer(tmp_path, PACE)
    found.refused(HOST, refusal(FailureKind.BLOCKED, 7200.0))
    (path,) = (tmp_path / ".pace").iterdir()
    path.write_text(text)
    assert closed_hosts(tmp_path) == []
    found.wait(HOST)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://www.youtube.com/watch?v=x", "youtube.com"),
        ("https://youtu.be/x", "youtube.com"),
        ("ytsearch20:phaco", "youtube.com"),
        ("https://youtube.com:443/watch?v=x", "youtube.com"),
        ("https://www.vimeo.com/1", "vimeo.com"),
        ("https://player.vimeo.com/video/1", "vimeo.com"),
        ("http://www.host.example:80/x", "host.example"),
        ("https://host.example:80/x", "host.example:80"),
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
        found = Found(url=url, webpage_url=url, extractor="generic", site_id="", title="")
        refused = refusal(FailureKind.SERVER_ERROR, 7.0)
        return Fetched(path=directory, tool="none", found=found, refusal=refused)


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


def test_refused_subtitles_close_their_host_like_other_refusals(
    tmp_path: Path, slept: list[float]
) -> None:
    paced = PacedDownloader(inner=_Answers(), pacer=Pacer(tmp_path, PACE))
    for _ in range(3):
        paced.fetch(f"https://{HOST}/a", tmp_path, "url_1")
    with pytest.raises(HostClosedError) as err:
        paced.fetch(f"https://{HOST}/a", tmp_path, "url_1")
    assert err.value.until_s - rate_limiter.time.time() == pytest.approx(900, abs=10)


def test_a_refusal_is_charged_to_the_host_that_gave_it(tmp_path: Path, slept: list[float]) -> None:
    found = Pacer(tmp_path, PACE)
    again = pickle.loads(pickle.dumps(found.asking))
    with pytest.raises(ItemError), found.asking(f"https://{HOST}/list"), again("https://b.example"):
        raise refusal(FailureKind.RATE_LIMITED, 7200.0)
    assert [state.host for state in closed_hosts(tmp_path)] == ["b.example"]
    found.wait(HOST)
