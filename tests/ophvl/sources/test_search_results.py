"""Real yt-dlp asks a search page; what it finds becomes a list that ingest can read, whatever titles say."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ophvl.download.rate_limited import RateLimitedDownloader
from ophvl.download.rate_limiter import RateLimit, RateLimiter
from ophvl.download.yt_dlp.downloader import YtDlpDownloader
from ophvl.errors import HostClosedError, ItemError, UsageError
from ophvl.ports import Downloader, FetchedVideo, VideoMetadata
from ophvl.sources.search_results import SearchReport, search
from ophvl.sources.search_terms import Search
from ophvl.sources.source_list import read_source_list
from ophvl.text.concepts.matching import Matcher
from schemas.vocab import FailureKind
from tests.ophvl.search_site import SearchSite, serving

YT_DLP = YtDlpDownloader(timeout_s=10.0, retries=0)
KNOWN = {
    "DMEK": [
        ("DMEK step by step", "http://videos.example/a.mp4"),
        ("Smokey eye makeup tutorial", "http://videos.example/b.mp4"),
    ],
    "phaco": [
        ("Phaco chop in a dense cataract", "http://videos.example/c.mp4"),
        ("DMEK step by step (again)", "http://VIDEOS.example:80/a.mp4#t=3"),
    ],
    "nothing": [],
}


@pytest.fixture
def site() -> Iterator[SearchSite]:
    with serving(SearchSite(dict(KNOWN))) as served:
        yield served


@pytest.fixture
def ask(site: SearchSite, matcher: Matcher, tmp_path: Path):
    """Search the site for terms; the list is `found.txt`."""

    def run(
        *terms: str, per_term: int = 20, force: bool = False, downloader=YT_DLP
    ) -> SearchReport:
        by = Search(per_term=per_term, address=site.address)
        path = tmp_path / "found.txt"
        return search(terms, path, by=by, downloader=downloader, matcher=matcher, force=force)

    return run


def urls(path: Path) -> list[str]:
    return [line.text for line in read_source_list(path)]


@dataclass
class Listing:
    """A downloader whose answers are given: for what no server of a test can make yt-dlp say."""

    answers: list[VideoMetadata | Exception]
    queries: list[str] = field(default_factory=list)
    revision: str = "test"

    def expand(self, url: str) -> list[VideoMetadata]:
        self.queries.append(url)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return [answer]

    def fetch(self, url: str, directory: Path, video_id: str) -> FetchedVideo:
        raise AssertionError("nothing is fetched")


def found(title: str = "DMEK", **others: object) -> VideoMetadata:
    plain: dict[str, object] = {"url": "https://videos.example/x", "webpage_url": None}
    plain |= {"extractor": "example", "site_id": "x1", "title": title, **others}
    return VideoMetadata(**plain)  # type: ignore[arg-type]


def test_the_list_names_each_video_once_under_its_term(ask, tmp_path: Path) -> None:
    done = ask("DMEK", "phaco")
    text = (tmp_path / "found.txt").read_text()
    assert urls(tmp_path / "found.txt") == [
        "http://videos.example/a.mp4",
        "http://videos.example/c.mp4",
    ]
    sections = text.split("\n# == ")
    assert [section.split("\n")[0] for section in sections[1:]] == ["DMEK", "phaco"]
    first, second = (section.splitlines() for section in sections[1:])
    assert first[1] == "# 2 found: 1 listed, 1 no surgery"
    assert first[2].endswith("] DMEK step by step | yes")
    assert "] Smokey eye makeup tutorial | no: " in first[4]
    assert first[5] == "#http://videos.example/b.mp4"
    assert second[1] == "# 2 found: 1 listed, 1 known from above"
    assert "(again)" not in text
    assert (done.failed, done.closed, done.earlier) == ([], None, 0)
    assert [(s.listed, s.not_surgical, s.again) for s in done.sections] == [(1, 1, 0), (1, 0, 1)]


def test_a_term_without_results_is_answered(ask, tmp_path: Path, site: SearchSite) -> None:
    done = ask("nothing", "DMEK")
    assert "# == nothing\n# 0 found\n" in (tmp_path / "found.txt").read_text()
    assert done.failed == []
    ask("nothing")
    assert site.queries.count("nothing") == 1


@pytest.mark.parametrize(
    ("status", "kind"), [(404, FailureKind.NOT_FOUND), (500, FailureKind.SERVER_ERROR)]
)
def test_a_dead_search_page_fails_its_term_alone(
    ask, tmp_path: Path, site: SearchSite, status: int, kind: FailureKind
) -> None:
    site.status["nothing"] = status
    done = ask("nothing", "DMEK")
    ((term, err),) = done.failed
    assert (term, err.kind) == ("nothing", kind)
    assert str(status) in str(err)
    assert "# == nothing" not in (tmp_path / "found.txt").read_text()
    site.status.clear()
    again = ask("nothing", "DMEK")
    assert (again.failed, again.earlier, len(again.sections)) == ([], 1, 1)


def test_hostile_titles_and_addresses_make_no_line(ask, site: SearchSite, tmp_path: Path) -> None:
    site.known["evil"] = [
        ("DMEK\nhttp://evil.example/1.mp4\r\n/etc/passwd", "http://videos.example/1.mp4"),
        ("DMEK\u2028http://evil.example/2.mp4\u0085x\u202egpj", "http://videos.example/2.mp4"),
        ("# == phaco", "http://videos.example/3.mp4"),
        ("DMEK " * 10_000, "http://videos.example/4.mp4?a b"),
        ("DMEK <script>$(reboot)`x`", "http://videos.example/5.mp4\nhttp://evil.example/5.mp4"),
        ("DMEK", "file:///etc/passwd"),
        ("DMEK", "http://videos.example:port/7.mp4"),
    ]
    ask("evil")
    path = tmp_path / "found.txt"
    lines = path.read_text().splitlines()
    assert all(url.startswith("http://videos.example/") for url in urls(path))
    assert {url[22:23] for url in urls(path)} == {"1", "2", "3", "4", "5"}
    assert [line for line in lines if not line.startswith(("#", "http://videos")) and line] == []
    assert max(map(len, lines)) < 400
    assert all(line.isprintable() for line in lines)
    assert len(ask("phaco").sections) == 1, "a title is no heading"


def test_an_address_that_yt_dlp_stumbles_over_fails_its_term_alone(ask, site: SearchSite) -> None:
    site.known["evil"] = [("DMEK", "http://[videos.example/6.mp4")]
    done = ask("evil", "DMEK")
    assert [(term, err.kind) for term, err in done.failed] == [("evil", FailureKind.UNSUPPORTED)]
    assert len(done.sections) == 1


def test_at_most_so_many_of_an_answer(ask, tmp_path: Path) -> None:
    (section,) = ask("phaco", per_term=1).sections
    assert str(section) == "2 found: 1 listed, 1 more than asked for"
    assert len(urls(tmp_path / "found.txt")) == 1


def test_a_second_call_asks_what_is_missing_and_keeps_what_its_owner_wrote(
    ask, tmp_path: Path, site: SearchSite
) -> None:
    ask("DMEK")
    path = tmp_path / "found.txt"
    edited = path.read_text().replace("\nhttp://videos.example/a", "\n#http://videos.example/a")
    path.write_text(edited + "/mine/case.mp4\n", newline="\r\n")
    done = ask("dmek", "phaco")
    assert site.queries == ["DMEK", "phaco"]
    assert (done.earlier, len(done.sections)) == (1, 1)
    assert urls(path) == ["/mine/case.mp4", "http://videos.example/c.mp4"]
    assert path.read_text().startswith(edited)


def test_what_is_no_such_list_is_replaced_by_force_alone(ask, tmp_path: Path) -> None:
    path = tmp_path / "found.txt"
    path.write_text("/my/own/list.mp4\n")
    with pytest.raises(UsageError, match="--force"):
        ask("DMEK")
    assert path.read_text() == "/my/own/list.mp4\n"
    assert len(ask("DMEK", force=True).sections) == 1
    assert len(ask("DMEK", force=True).sections) == 1
    path.write_bytes(b"caf\xe9")
    with pytest.raises(UsageError, match="not UTF-8"):
        ask("DMEK")
    path.unlink()
    path.mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        ask("DMEK", force=True)


def test_a_list_that_cannot_be_written(site: SearchSite, matcher: Matcher, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    by, path = Search(address=site.address), tmp_path / "file" / "found.txt"
    with pytest.raises(UsageError, match="cannot write the list"):
        search(["DMEK"], path, by=by, downloader=YT_DLP, matcher=matcher)
    assert site.queries == []


def test_a_closed_host_ends_the_search_and_earlier_results_stay(
    ask, site: SearchSite, tmp_path: Path
) -> None:
    limit = RateLimit(gap_s=0.0, per_hour=1000, pause_s=900.0, local=True)
    limited = RateLimitedDownloader(inner=YT_DLP, limiter=RateLimiter(tmp_path, limit))
    site.status["phaco"] = 429
    done = ask("DMEK", "phaco", "nothing", "Yamane", "yamane", downloader=limited)
    assert [term for term, _ in done.failed] == ["phaco"]
    assert isinstance(done.closed, HostClosedError)
    assert (done.closed.kind, done.closed.until_s > time.time()) == (FailureKind.RATE_LIMITED, True)
    assert "run the same command again then" in str(done.closed)
    assert site.queries == ["DMEK", "phaco"]
    assert urls(tmp_path / "found.txt") == ["http://videos.example/a.mp4"]
    assert done.deferred == 2


def test_a_refusal_of_the_largest_site_is_reported_in_its_own_words(
    matcher: Matcher, tmp_path: Path
) -> None:
    wall = ItemError(FailureKind.BLOCKED, "Sign in to confirm you're not a bot")
    downloader: Downloader = Listing([wall])
    by = Search(per_term=3, suffix="surgery")
    done = search(["DMEK"], tmp_path / "x.txt", by=by, downloader=downloader, matcher=matcher)
    assert downloader.queries == ["ytsearch3:DMEK surgery"]
    assert done.failed == [("DMEK", wall)]


def test_what_a_site_tells_stands_before_the_address(matcher: Matcher, tmp_path: Path) -> None:
    nan, far = float("nan"), float("inf")
    listing = Listing(
        [
            found(
                "DMEK", channel="Eye\nTV", duration_s=754.4, description="x\nhttp://evil.example"
            ),
            found("", site_id="x2", url="https://videos.example/y", duration_s=nan),
            found("\ud800DMEK\x00", site_id="x3", url="https://videos.example/z", duration_s=far),
            found("DMEK", site_id="x1", url="https://videos.example/other"),
            found("DMEK", site_id="x4", url="https://videos.example/v", duration_s=3725),
        ]
    )
    path = tmp_path / "x.txt"
    terms = ["a", "b", "c", "d", "e"]
    search(terms, path, by=Search(), downloader=listing, matcher=matcher)
    text = path.read_text()
    assert "# [example_x1] DMEK | Eye TV | 12:34 | yes\nhttps://videos.example/x\n" in text
    assert "# [example_x2] (no title) | unknown\nhttps://videos.example/y\n" in text
    assert "# [example_x3] DMEK | yes\nhttps://videos.example/z\n" in text
    assert "# [example_x4] DMEK | 1:02:05 | yes\n" in text
    assert "other" not in text, "known by its id"


def test_addresses_that_a_list_cannot_hold_are_counted(matcher: Matcher, tmp_path: Path) -> None:
    addresses = [
        *("file:///etc/passwd", "/etc/passwd", "javascript:alert(1)", "", "https:///x"),
        *("http://[videos.example/6.mp4", f"http://videos.example/{'a' * 5000}.mp4"),
        "http://videos.example:port/7.mp4",
    ]
    listing = Listing([found(url=url, extractor="generic") for url in addresses])
    path, terms = tmp_path / "x.txt", [f"term {n}" for n in range(len(addresses))]
    done = search(terms, path, by=Search(), downloader=listing, matcher=matcher)
    assert [str(section) for section in done.sections] == [
        "1 found: 1 without a usable address"
    ] * len(addresses)
    assert all(line.startswith("#") or not line for line in path.read_text().splitlines())


def test_a_search_that_dies_goes_on(
    ask, site: SearchSite, matcher: Matcher, tmp_path: Path
) -> None:
    dying = Listing([found("DMEK"), RuntimeError("cut off")])
    by, path = Search(), tmp_path / "found.txt"
    with pytest.raises(RuntimeError):
        search(["DMEK", "phaco"], path, by=by, downloader=dying, matcher=matcher)
    assert urls(path) == ["https://videos.example/x"]
    ask("DMEK", "phaco")
    assert site.queries == ["phaco"]
