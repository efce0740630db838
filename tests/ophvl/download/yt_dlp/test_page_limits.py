"""Pages that are no pages: too large, or without end."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ophvl.download.yt_dlp.downloader import YtDlpDownloader
from ophvl.download.yt_dlp.page_limits import within
from ophvl.errors import ItemError
from schemas.vocab import FailureKind
from tests.fault_server import serving
from tests.media_factory import make_video
from tests.web_site import Site

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


def test_a_page_of_many_megabytes_is_not_searched(site: Site) -> None:
    (site.root / "page.html").write_text("<title>x</title>" + "<p>lorem ipsum</p>\n" * 1_000_000)
    with pytest.raises(ItemError, match="more than 16 MB") as caught:
        YtDlpDownloader(retries=0).expand(f"{site.url}/page.html")
    assert caught.value.kind is FailureKind.UNSUPPORTED


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("page-endless", FailureKind.UNSUPPORTED),
        ("page-trickle", FailureKind.TIMEOUT),
        ("drip-headers", FailureKind.TIMEOUT),
        ("drip-page", FailureKind.TIMEOUT),
    ],
)
def test_a_page_without_end_is_given_up(site: Site, name: str, kind: FailureKind) -> None:
    with serving(make_video(site.root / "v.mp4")) as server:
        started = time.monotonic()
        with pytest.raises(ItemError) as caught:
            YtDlpDownloader(retries=0, slow_s=0.3).expand(f"{server.url}/{name}")
        assert time.monotonic() - started < 5.0
    assert caught.value.kind is kind


@pytest.mark.parametrize(
    ("limit", "message"), [({"most_pages": 12}, "ever more pages"), ({"pages_s": 0.3}, "took more")]
)
@pytest.mark.parametrize("step", ["expand", "fetch"])
def test_pages_that_lead_to_ever_more_pages_are_given_up(
    site: Site, tmp_path: Path, step: str, limit: dict[str, float], message: str
) -> None:
    with serving(make_video(site.root / "v.mp4")) as server:
        downloader = YtDlpDownloader(retries=0, **limit)  # type: ignore[arg-type]
        url = f"{server.url}/next-1"
        ask = {
            "expand": lambda: downloader.expand(url),
            "fetch": lambda: downloader.fetch(url, tmp_path, "x"),
        }[step]
        with pytest.raises(ItemError, match=message) as caught:
            ask()
        assert len(server.requests) < 40
    assert caught.value.kind is FailureKind.UNSUPPORTED


def test_a_call_that_takes_too_long_names_its_address() -> None:
    with pytest.raises(ItemError, match=r"e\.org.*did not end in 0\.05 s"):
        within(0.05, "https://e.org", lambda: time.sleep(0.5))
