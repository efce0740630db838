"""Searches: which requests they send, and which are refused."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

from ophvl.download.yt_dlp.downloader import YtDlpDownloader
from ophvl.errors import ItemError
from schemas.vocab import FailureKind

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

downloader = YtDlpDownloader(timeout_s=10.0, retries=0)


class _Proxy(http.server.BaseHTTPRequestHandler):
    """A proxy that refuses all requests and records their hosts."""

    requests: list[str]

    def do_CONNECT(self) -> None:
        self.requests.append(self.path)
        self.send_error(502)

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Hosts that were requested; no request leaves this machine."""
    hosts: list[str] = []
    handler = type("Proxy", (_Proxy,), {"requests": hosts})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        for variable in (name, name.upper()):
            monkeypatch.setenv(variable, f"http://127.0.0.1:{server.server_port}")
    for variable in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    yield hosts
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("line", ["ytsearch5:trabeculectomy", "ytsearch2:phaco $(reboot) --exec=x"])
def test_a_search_is_requested_of_its_site(requests: list[str], line: str) -> None:
    with pytest.raises(ItemError) as caught:
        downloader.expand(line)
    assert caught.value.kind is FailureKind.NETWORK
    assert str(caught.value).startswith(line)
    assert set(requests) == {"www.youtube.com:443"}


@pytest.mark.parametrize(
    "line", ["ytsearchall:x", "gvsearch5:x", "ytsearch5", "http://[::1/v.mp4", "http://h:x/"]
)
def test_other_searches_and_broken_addresses_are_refused_without_a_request(
    requests: list[str], line
) -> None:
    with pytest.raises(ItemError, match="is not a web address") as caught:
        downloader.expand(line)
    assert (caught.value.kind, requests) == (FailureKind.UNSUPPORTED, [])
