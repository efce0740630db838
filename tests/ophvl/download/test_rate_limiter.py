"""Requests stay within the limit of their host, over all processes; a host that refuses is left alone."""

from __future__ import annotations

import itertools
import pickle
import threading
import time
from pathlib import Path

import pytest

from ophvl.download import rate_limiter
from ophvl.download.rate_limited import RateLimitedDownloader
from ophvl.download.rate_limiter import RateLimit, RateLimiter, closed_hosts, host_of, is_local
from ophvl.errors import HostClosedError, ItemError
from ophvl.ports import FetchedVideo, VideoMetadata
from schemas.vocab import FailureKind

LIMIT = RateLimit(gap_s=0.2, per_hour=300, pause_s=0.1, local=False)
HOST = "videos.example"


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that only `sleep` moves; the pauses that were slept."""
    now = [1_000_000.0]
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(rate_limiter.time, "time", lambda: now[0])
    monkeypatch.setattr(rate_limiter.time, "sleep", sleep)
    return pauses


def refusal(kind: FailureKind, retry_after_s: float | None = None) -> ItemError:
    return ItemError(kind, "HTTP Error 429", retry_after_s)


def test_requests_are_a_gap_apart_with_jitter(tmp_path: Path, slept: list[float]) -> None:
    for _ in range(50):
        RateLimiter(tmp_path, LIMIT).wait(HOST)
    assert slept[0] == 0.0
    gaps = slept[1:]
    assert all(0.1 <= gap <= 0.3 for gap in gaps)
    assert len({round(gap, 3) for gap in gaps}) > 20
    assert sum(gaps) / len(gaps) == pytest.approx(0.2, abs=0.03)


def test_requests_of_an_hour_are_limited(tmp_path: Path, slept: list[float]) -> None:
    limiter = RateLimiter(tmp_path, RateLimit(gap_s=1.0, per_hour=10, pause_s=1.0, local=False))
    for _ in range(25):
        limiter.wait(HOST)
    at = [sum(slept[: n + 1]) for n in range(25)]
    assert all(at[n + 10] - at[n] >= 3600.0 - 1e-6 for n in range(15))
    assert at[9] < 20


def test_processes_share_the_limit_of_a_host_and_hosts_have_their_own(tmp_path: Path) -> None:
    requested: dict[str, list[float]] = {HOST: [], "other.example": []}

    def request(host: str) -> None:
        for _ in range(3):
            RateLimiter(tmp_path, LIMIT).wait(host)
            requested[host].append(time.time())

    threads = [
        threading.Thread(target=request, args=(host,)) for host in (HOST, HOST, "other.example")
    ]
    started = time.time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times = sorted(requested[HOST])
    assert all(after - before > 0.08 for before, after in itertools.pairwise(times))
    assert requested["other.example"][0] - started < 0.2


def test_this_machine_has_no_limit_unless_the_setting_says_so(
    tmp_path: Path, slept: list[float]
) -> None:
    for _ in range(5):
        RateLimiter(tmp_path, LIMIT).wait("127.0.0.1:8000")
    assert sum(slept) == 0.0
    strict = RateLimiter(tmp_path, RateLimit(gap_s=0.2, per_hour=300, pause_s=0.1, local=True))
    for _ in range(5):
        strict.wait("127.0.0.1:8000")
    assert sum(slept) > 0.3


def test_pauses_double_with_each_refusal_until_the_host_is_closed(
    tmp_path: Path, slept: list[float]
) -> None:
    limiter = RateLimiter(tmp_path, RateLimit(gap_s=0.0, per_hour=300, pause_s=20.0, local=False))
    limiter.wait(HOST)
    waited = []
    for _ in range(2):
        limiter.refused(HOST, refusal(FailureKind.RATE_LIMITED))
        limiter.wait(HOST)
        waited.append(slept[-1])
    assert waited == pytest.approx([20.0, 40.0])
    limiter.refused(HOST, refusal(FailureKind.RATE_LIMITED))
    with pytest.raises(
        HostClosedError, match=r"videos.example wants no requests until .*429"
    ) as err:
        limiter.wait(HOST)
    assert err.value.until_s == pytest.approx(rate_limiter.time.time() + 900)
    assert [state.host for state in closed_hosts(tmp_path)] == [HOST]
    limiter.wait("other.example")
    rate_limiter.time.sleep(901)
    limiter.accepted(HOST, limiter.wait(HOST))
    assert closed_hosts(tmp_path) == []
    limiter.refused(HOST, refusal(FailureKind.RATE_LIMITED))
    limiter.wait(HOST)
    assert slept[-1] == pytest.approx(20.0), "a success in between ends the row"


@pytest.mark.parametrize(
    ("kind", "retry_after_s", "refusals", "closed_s"),
    [
        (FailureKind.BLOCKED, None, 2, 6 * 3600),
        (FailureKind.BLOCKED, 7 * 3600.0, 1, 7 * 3600),
        (FailureKind.RATE_LIMITED, 7200.0, 1, 7200),
        (FailureKind.FORBIDDEN, None, 5, 3600),
    ],
)
def test_a_block_or_a_long_time_to_wait_closes_the_host(
    tmp_path: Path,
    slept: list[float],
    kind: FailureKind,
    retry_after_s: float | None,
    refusals: int,
    closed_s: float,
) -> None:
    limiter = RateLimiter(tmp_path, LIMIT)
    for _ in range(refusals):
        before_s = limiter.wait(HOST)
        limiter.refused(HOST, refusal(kind, retry_after_s))
    with pytest.raises(HostClosedError) as err:
        limiter.wait(HOST)
    limited = kind is FailureKind.RATE_LIMITED
    assert err.value.kind is (kind if limited else FailureKind.BLOCKED), "so it is tried again"
    # A success of a request from before the refusals does not open it.
    limiter.accepted(HOST, before_s)
    limiter.refused(HOST, refusal(FailureKind.FORBIDDEN))
    with pytest.raises(HostClosedError):
        limiter.wait(HOST)
    assert err.value.until_s - rate_limiter.time.time() == pytest.approx(closed_s, abs=5)


@pytest.mark.parametrize(
    ("err", "more_s"),
    [(refusal(FailureKind.RATE_LIMITED, 30.0), 30.0), (refusal(FailureKind.BLOCKED, 7200.0), None)],
)
def test_a_refusal_during_the_wait_prolongs_it(
    tmp_path: Path, slept: list[float], monkeypatch: pytest.MonkeyPatch, err, more_s
) -> None:
    limiter = RateLimiter(tmp_path, LIMIT)
    limiter.wait(HOST)
    sleep = rate_limiter.time.sleep

    def sleep_while_another_request_is_refused(seconds: float) -> None:
        monkeypatch.setattr(rate_limiter.time, "sleep", sleep)
        sleep(seconds)
        limiter.refused(HOST, err)

    monkeypatch.setattr(rate_limiter.time, "sleep", sleep_while_another_request_is_refused)
    if more_s is None:
        with pytest.raises(HostClosedError):
            limiter.wait(HOST)
    else:
        limiter.wait(HOST)
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
    limiter = RateLimiter(tmp_path, LIMIT)
    for kind in kinds.split():
        limiter.refused(HOST, refusal(FailureKind(kind)))
    (state,) = closed_hosts(tmp_path)
    assert state.closed_until_s - rate_limiter.time.time() == pytest.approx(closed_s, abs=1)
    assert state.kind == ("blocked" if "blocked" in kinds else "rate_limited"), "the worst"


def test_a_success_of_an_earlier_request_forgets_no_later_refusal(
    tmp_path: Path, slept: list[float]
) -> None:
    limiter = RateLimiter(tmp_path, LIMIT)
    for _ in range(5):
        with limiter.request(f"https://{HOST}/long"):
            limiter.refused(HOST, refusal(FailureKind.FORBIDDEN))
    assert [state.refusals for state in closed_hosts(tmp_path)] == [5]


@pytest.mark.parametrize("text", ["", "[]", '{"host": "videos.example", "later": 1}', "\x00"])
def test_an_unreadable_state_counts_as_none(tmp_path: Path, text: str) -> None:
    limiter = RateLimiter(tmp_path, LIMIT)
    limiter.refused(HOST, refusal(FailureKind.BLOCKED, 7200.0))
    (path,) = (tmp_path / ".pace").iterdir()
    path.write_text(text)
    assert closed_hosts(tmp_path) == []
    limiter.wait(HOST)


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


class _FaultyDownloader:
    """A downloader that fails with `faults`, one after another."""

    revision = "1"

    def __init__(self, *faults: FailureKind | None) -> None:
        self.faults = list(faults)
        self.requests = 0

    def expand(self, url: str) -> list[VideoMetadata]:
        self.requests += 1
        fault = self.faults.pop(0)
        if fault:
            raise ItemError(fault, "no")
        return []

    def fetch(self, url: str, directory: Path, video_id: str) -> FetchedVideo:
        found = VideoMetadata(url=url, webpage_url=url, extractor="generic", site_id="", title="")
        err = refusal(FailureKind.SERVER_ERROR, 7.0)
        return FetchedVideo(path=directory, tool="none", metadata=found, refusal=err)


def test_only_refusals_close_a_host(tmp_path: Path, slept: list[float]) -> None:
    blocked = FailureKind.BLOCKED
    inner = _FaultyDownloader(
        FailureKind.NOT_FOUND, FailureKind.TIMEOUT, blocked, None, blocked, blocked
    )
    downloader = RateLimitedDownloader(inner=inner, limiter=RateLimiter(tmp_path, LIMIT))
    for _ in range(3):
        with pytest.raises(ItemError):
            downloader.expand(f"https://{HOST}/a")
    assert downloader.expand(f"https://{HOST}/a") == [], (
        "one guarded page does not count against the host"
    )
    for _ in range(2):
        with pytest.raises(ItemError):
            downloader.expand(f"https://{HOST}/a")
    for _ in range(3):
        with pytest.raises(HostClosedError):
            downloader.expand(f"https://{HOST}/a")
    assert inner.requests == 6


def test_refused_subtitles_close_their_host_like_other_refusals(
    tmp_path: Path, slept: list[float]
) -> None:
    downloader = RateLimitedDownloader(
        inner=_FaultyDownloader(), limiter=RateLimiter(tmp_path, LIMIT)
    )
    for _ in range(3):
        downloader.fetch(f"https://{HOST}/a", tmp_path, "url_1")
    with pytest.raises(HostClosedError) as err:
        downloader.fetch(f"https://{HOST}/a", tmp_path, "url_1")
    assert err.value.until_s - rate_limiter.time.time() == pytest.approx(900, abs=10)


def test_a_refusal_counts_for_the_host_that_gave_it_alone(
    tmp_path: Path, slept: list[float]
) -> None:
    limiter = RateLimiter(tmp_path, LIMIT)
    again = pickle.loads(pickle.dumps(limiter.request))
    with (
        pytest.raises(ItemError),
        limiter.request(f"https://{HOST}/list"),
        again("https://b.example"),
    ):
        raise refusal(FailureKind.RATE_LIMITED, 7200.0)
    assert [state.host for state in closed_hosts(tmp_path)] == ["b.example"]
    limiter.wait(HOST)
