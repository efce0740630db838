"""URLs through the real commands: a bare file, a page, a feed, and a line that leads nowhere."""

from __future__ import annotations

import functools
import http.server
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import run, status
from tests.end_to_end.test_road import ledger
from tests.media_factory import make_video

PAGE = """<html><head><title>page</title><script type="application/ld+json">{json}</script></head>
<body><video src="page.mp4"></video></body></html>"""

FEED = """<?xml version="1.0"?><rss version="2.0"><channel><title>Eye feed</title>
<item><title>DMEK case</title><enclosure url="{url}/a/surgery.mp4" type="video/mp4"/></item>
<item><title>DSAEK case</title><enclosure url="{url}/b/surgery.mp4" type="video/mp4"/></item>
</channel></rss>"""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A web site with three kinds of address."""
    root = tmp_path / "site"
    (root / "a").mkdir(parents=True)
    (root / "b").mkdir()
    for number, name in enumerate(("case.mp4", "page.mp4", "a/surgery.mp4", "b/surgery.mp4")):
        make_video(root / name, seconds=2.0 + number)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None: ...

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(root))
    )
    address = f"http://127.0.0.1:{server.server_port}"
    video = {"@context": "https://schema.org", "@type": "VideoObject", "name": "Phaco + PCIOL RE"}
    video |= {"contentUrl": f"{address}/page.mp4", "description": "A case of cataract surgery"}
    (root / "page.html").write_text(PAGE.format(json=json.dumps(video)))
    (root / "feed.xml").write_text(FEED.format(url=address))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield address
    server.shutdown()
    thread.join()
    server.server_close()


def test_urls_become_checked_shards(url: str, tmp_path: Path) -> None:
    source, out = tmp_path / "list.txt", tmp_path / "out"
    names = ("case.mp4", "page.html", "feed.xml", "nothing.mp4", "case.mp4#t=3")
    source.write_text("\n".join(f"{url}/{name}" for name in names))
    message = run("ophvl", "ingest", "--source", source, "--out", out, code=3).stderr
    assert "line 4" in message
    counts = status(out)
    assert counts["lines"] == {"listed": 5, "expanded": 3, "failed": 1, "folded": 1, "pending": 0}
    assert (counts["listed"], counts["by_kind"]) == (4, {"not_found": 1})
    run("ophvl", "build-pairs", "--out", out)
    run("ophvl", "check", "--out", out)
    files = {path.stem for path in (out / "media").iterdir()}
    assert files == set(ledger(out, "frames")), "fetched files are named by our ids alone"


@pytest.mark.skipif(not os.environ.get("OPHVL_TEST_DATA"), reason="needs OPHVL_TEST_DATA")
def test_real_surgical_clips_are_silent_videos(tmp_path: Path) -> None:
    clips = Path(os.environ["OPHVL_TEST_DATA"]) / "clips"
    (tmp_path / "list.txt").write_text(str(clips))
    out = tmp_path / "out"
    alone = ("--out", out, "--workers", "1")
    run("ophvl", "ingest", "--source", tmp_path / "list.txt", *alone)
    run("ophvl", "build-pairs", *alone, "--set", "pair.video_frames=8")
    plain = json.loads(run("ophvl", "stats", "--json", "--out", out).stdout)
    assert (plain["narrated_videos"], plain["silent_videos"]) == (0, 9)
    assert plain["frames"] == 9 * 8
    run("ophvl", "check", "--out", out)
