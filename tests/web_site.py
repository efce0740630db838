"""A web site on the loopback that serves a folder."""

from __future__ import annotations

import contextlib
import gc
import http.server
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar


class Site:
    """A folder served over HTTP with byte ranges. Paths like `/status/404` answer with that status."""

    def __init__(self, root: Path, address: str = "127.0.0.1") -> None:
        self.root = root
        self.ranges: list[str] = []
        self.requests: list[str] = []
        site = self

        class Handler(_Handler):
            served = site

        self.server = http.server.ThreadingHTTPServer((address, 0), Handler)

    @property
    def url(self) -> str:
        return f"http://{self.server.server_address[0]!s}:{self.server.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    served: ClassVar[Site]
    protocol_version = "HTTP/1.1"
    types: ClassVar[dict[str, str]] = {
        ".mp4": "video/mp4",
        ".html": "text/html",
        ".xml": "application/rss+xml",
        ".m3u8": "application/vnd.apple.mpegurl",
        ".ts": "video/mp2t",
    }

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # The client closes without notice.
            super().handle()

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def answer(self, *, with_body: bool) -> None:
        self.served.requests.append(self.path)
        status = re.match(r"/status/(\d+)", self.path)
        path = self.served.root / self.path.lstrip("/").removeprefix("cut/").removeprefix("slow/")
        if status or not path.is_file():
            self.send_response(int(status[1]) if status else 404)
            self.send_header("Retry-After", "7")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if self.path.startswith("/slow/"):
            time.sleep(1.5)
        content = path.read_bytes()
        byte_range = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first = int(byte_range[1]) if byte_range else 0
        last = int(byte_range[2]) if byte_range and byte_range[2] else len(content) - 1
        self.send_response(206 if byte_range else 200)
        if byte_range:
            self.served.ranges.append(byte_range[0])
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Type", self.types.get(path.suffix, "application/octet-stream"))
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        if with_body:
            body = content[first : last + 1]
            if self.path.startswith("/cut/"):
                body = body[: len(body) // 2]
                self.close_connection = True
            with contextlib.suppress(ConnectionError):  # The client may have given up.
                self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...


@contextlib.contextmanager
def serving(served: Site) -> Iterator[Site]:
    """Serve a site for the length of a block."""
    thread = threading.Thread(target=served.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield served
    served.server.shutdown()
    served.server.server_close()
    thread.join()
    gc.collect()  # Answers that yt-dlp did not read to the end are closed here, not in other tests.
