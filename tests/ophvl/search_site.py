"""A web site with a search page on the loopback: `/search?q=words` answers with a feed of what it knows."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

Video = tuple[str, str]
"""Title and address."""


@dataclass
class SearchSite:
    """Search terms are recorded in `queries`; a term in `status` gets that status, one in `slow` waits."""

    known: Mapping[str, list[Video]]
    status: dict[str, int] = field(default_factory=dict)
    slow: set[str] = field(default_factory=set)
    queries: list[str] = field(default_factory=list)
    waiting: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    @property
    def address(self) -> str:
        return f"{self.url}/search?q={{terms}}&sort=date"

    def feed(self, words: str) -> bytes:
        items = "".join(
            f'<item><title>{escape(title)}</title><enclosure url="{escape(url, {chr(34): "&quot;"})}" '
            'type="video/mp4"/></item>'
            for title, url in self.known.get(words, [])
        )
        text = f'<rss version="2.0"><channel><title>{escape(words)}</title>{items}</channel></rss>'
        return f'<?xml version="1.0" encoding="utf-8"?>{text}'.encode()


@contextmanager
def serving(site: SearchSite) -> Iterator[SearchSite]:
    """Serve `site` for the time of a `with` block."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None: ...

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            (words,) = parse_qs(urlsplit(self.path).query)["q"]
            if words not in site.queries[-1:]:  # yt-dlp requests each page twice.
                site.queries.append(words)
            if words in site.slow:
                site.waiting.set()
                site.go_on.wait(60)
            if words in site.status:
                self.send_error(site.status[words])
                return
            body = site.feed(words)
            self.send_response(200)
            self.send_header("Content-Type", "application/rss+xml; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Ignore clients that were killed: that is what is tested."""

    server = Server(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield site
    finally:
        site.go_on.set()
        server.shutdown()
        thread.join()
        server.server_close()
