"""A web server that fails in every way a video host does, by the name of the path.

`/404.mp4` gets that status at once; `body-...` paths answer well while yt-dlp reads their metadata, and fail
when the file itself is fetched. It reads them twice: for stage discover, and for stage download before it
fetches.
`slow-...` paths each give a file of their own, slowly.
"""

from __future__ import annotations

import contextlib
import http.server
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

METADATA_REQUESTS = 2
"""Requests for a path before the one for its file."""

_BLOCK_BYTES = 16_384
"""Bytes that are sent at a time by slow answers."""

_PAUSE_S = 0.02


class FaultServer(http.server.ThreadingHTTPServer):
    """Serves `video`, an mp4 file, well or badly."""

    daemon_threads = True

    def __init__(self, video: bytes, address: str = "127.0.0.1") -> None:
        super().__init__((address, 0), _Handler)
        self.video = video
        self.requests: list[str] = []
        self.resumed: list[tuple[str, int]] = []
        """Name and first byte of requests with a `Range` that starts later."""
        self.request_counts: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        """Bytes of bodies that went out, by name."""
        self.two = threading.Barrier(2, timeout=30)

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.server_port}"

    def own(self, name: str) -> bytes:
        """Return the video that `name` gets: each ends with a different box that players skip."""
        noise = random.Random(name).randbytes(200_000)
        return self.video + (len(noise) + 8).to_bytes(4, "big") + b"free" + noise

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that go away in the middle: that is what is tested."""


@contextmanager
def serving(video: Path, address: str = "127.0.0.1") -> Iterator[FaultServer]:
    """Run a server for the time of a `with` block."""
    server = FaultServer(video.read_bytes(), address)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: FaultServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: object) -> None: ...

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        name = self.path.strip("/").partition("?")[0].removesuffix(".mp4")
        self.server.requests.append(self.path)
        self.server.request_counts[name] += 1
        if self.first_byte():
            self.server.resumed.append((name, self.first_byte()))
        fault = self.faults.get(name)
        if name.startswith("body-") and self.server.request_counts[name] <= METADATA_REQUESTS:
            fault = None
        if name.isdecimal():
            self.status(int(name))
        elif name.startswith("slow-"):
            self.video(self.server.own(name), pause_s=_PAUSE_S)
        elif name.startswith("next-"):
            self.next_page(int(name.removeprefix("next-")))
        elif fault is None:
            self.video(self.server.video)
        else:
            fault(self, self.server.request_counts[name])

    def status(self, code: int, **headers: str) -> None:
        self.send_response(code)
        for header, value in headers.items():
            self.send_header(header.replace("_", "-"), value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def first_byte(self) -> int:
        first = self.headers.get("Range", "").removeprefix("bytes=").partition("-")[0]
        return int(first or 0)

    def video(
        self,
        content: bytes,
        *,
        stop_after: int | None = None,
        announced: int | None = None,
        pause_s: float = 0.0,
    ) -> None:
        """Send a video from the requested byte on; perhaps cut short, perhaps announced as longer."""
        first, byte_range = self.first_byte(), self.headers.get("Range")
        total = announced or len(content)
        if first >= total:
            self.status(416, Content_Range=f"bytes */{total}")
            return
        self.send_response(206 if byte_range else 200)
        if byte_range:
            self.send_header("Content-Range", f"bytes {first}-{total - 1}/{total}")
        self.send_header("Content-Type", "video/mp4")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(total - first))
        self.end_headers()
        if self.command == "HEAD":
            return
        body = content[first:][:stop_after]
        block = _BLOCK_BYTES if pause_s else max(1, len(body))
        with contextlib.suppress(ConnectionError):
            for start in range(0, len(body), block):
                self.wfile.write(body[start : start + block])
                time.sleep(pause_s)
        if stop_after is not None or announced:
            self.close_connection = True

    def as_announced(self, size: int) -> None:
        """Send a body of the announced length, until the client stops reading."""
        self.send_response(200)
        self.send_header("Content-Type", "video/mp4")
        self.send_header("Content-Length", str(size))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.send(self.server.video)
            for _ in range(size // 65536):
                self.send(bytes(65536))

    def send(self, block: bytes) -> None:
        self.wfile.write(block)
        self.server.sent[self.path] += len(block)

    def chunks(self, kind: str = "video/mp4", filler: bytes = b"\0") -> None:
        """Send a body without announced length that never ends."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            while True:
                self.wfile.write(b"10000\r\n" + (filler * 65536)[:65536] + b"\r\n")

    def trickle(self, kind: str = "video/mp4", filler: bytes = b"\0") -> None:
        """Send some bytes at a time, for seconds."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            for _ in range(400):
                self.wfile.write((filler * 512)[:512])
                time.sleep(0.01)
        self.close_connection = True

    def drip(self, answer: bytes) -> None:
        """Send the answer one byte at a time, for seconds."""
        with contextlib.suppress(ConnectionError):
            for byte in answer * 10:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(0.02)
        self.close_connection = True

    def stall(self) -> None:
        self.video(self.server.video, stop_after=1000, announced=len(self.server.video))
        self.wfile.flush()
        self.close_connection = False
        time.sleep(6)
        self.close_connection = True

    def hold_once(self, count: int) -> None:
        """Send half and wait until the client is gone; later requests get the rest."""
        if count != METADATA_REQUESTS + 1:
            self.video(self.server.video)
            return
        half = len(self.server.video) // 2
        self.video(self.server.video, stop_after=half)
        with contextlib.suppress(ConnectionError):
            self.rfile.read(1)

    def together(self) -> None:
        """Answer once two requests are open at the same time."""
        try:
            self.server.two.wait()
        except threading.BrokenBarrierError:
            self.status(404)
        else:
            self.video(self.server.video)

    def cut_once(self, count: int) -> None:
        """Cut in the middle once; later requests get the rest."""
        half = len(self.server.video) // 2
        self.video(self.server.video, stop_after=half if count == METADATA_REQUESTS + 1 else None)

    def page(self) -> None:
        content = b"<html><title>Please sign in</title><body>sign in to go on</body></html>" * 50
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def next_page(self, number: int) -> None:
        """Send a page that leads to the next one, without an end."""
        time.sleep(_PAUSE_S)
        link = f'<meta http-equiv="refresh" content="0; url=/next-{number + 1}">'
        content = f"<html><head>{link}</head><body></body></html>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def corrupt(self) -> None:
        content = bytearray(self.server.video)
        start, end = content.index(b"mdat") + 4, content.index(b"moov") - 4
        content[start:end] = b"\xff" * (end - start)
        self.video(bytes(content))

    faults: ClassVar[dict[str, Callable[[_Handler, int], None]]] = {
        "limited-once": lambda h, n: (
            h.status(429, Retry_After="1") if n == 1 else h.video(h.server.video)
        ),
        "limited": lambda h, n: h.status(429),
        "limited-for-hours": lambda h, n: h.status(429, Retry_After="7200"),
        "error-once": lambda h, n: h.status(500) if n == 1 else h.video(h.server.video),
        "loop": lambda h, n: h.status(302, Location="/loop.mp4"),
        "page": lambda h, n: h.page(),
        "corrupt": lambda h, n: h.corrupt(),
        "huge": lambda h, n: h.as_announced(10_000_000_000),
        "page-endless": lambda h, n: h.chunks("text/html", b"<html>"),
        "page-trickle": lambda h, n: h.trickle("text/html", b"<html>"),
        "drip-headers": lambda h, n: h.drip(b"HTTP/1.1 200 OK\r\nX-A: b\r\n"),
        "drip-page": lambda h, n: h.drip(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 999999\r\n\r\n<html>"
        ),
        "body-500": lambda h, n: h.status(500),
        "body-403": lambda h, n: h.status(403),
        "body-gone": lambda h, n: h.status(410),
        "body-cut-once": lambda h, n: h.cut_once(n),
        "body-hold-once": lambda h, n: h.hold_once(n),
        "body-cut": lambda h, n: h.video(h.server.video[: len(h.server.video) // 2], stop_after=500,
                                         announced=len(h.server.video)),
        "body-short": lambda h, n: h.video(h.server.video, announced=len(h.server.video) + 5000),
        "body-stall": lambda h, n: h.stall(),
        "body-together-1": lambda h, n: h.together(),
        "body-together-2": lambda h, n: h.together(),
        "body-page": lambda h, n: h.page(),
        "body-truncated": lambda h, n: h.video(h.server.video[: len(h.server.video) * 2 // 3]),
        "body-corrupt": lambda h, n: h.corrupt(),
        "body-huge": lambda h, n: h.as_announced(10_000_000_000),
        "body-vast": lambda h, n: h.as_announced(30_000_000_000),
        "body-trickle": lambda h, n: h.trickle(),
        "body-endless": lambda h, n: h.chunks(),
    }  # fmt: skip
