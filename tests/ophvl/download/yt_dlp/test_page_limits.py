"""Pages that are no pages: too large, or without end."""

from __future__ import annotations

import time

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


def test_what_a_call_returns_or_raises_comes_from_the_thread() -> None:
    assert within(5.0, "https://example.org", lambda: 7) == 7
    with pytest.raises(KeyError):
        within(5.0, "https://example.org", lambda: {}["a"])
    with pytest.raises(ItemError, match=r"did not end in 0\.05 s"):
        within(0.05, "https://example.org", lambda: time.sleep(0.5))
