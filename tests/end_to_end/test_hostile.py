"""Hostile lists and sites: nothing leaves the output folder, nothing is executed, the sums hold."""

from __future__ import annotations

import functools
import http.server
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ophvl.dataset.store import Store
from ophvl.ids import ID
from ophvl.unicode import TITLE_CHARACTERS
from pipelines.registry import load_stages
from tests.commands import run, status
from tests.media_factory import make_video

ROOT = Path(__file__).parents[2]

PLUGIN = """
from yt_dlp.extractor.common import InfoExtractor

class TwoAddressesIE(InfoExtractor):
    _VALID_URL = r"(?P<site>http://127\\.0\\.0\\.1:\\d+)/(?:watch|short)/(?P<id>\\w+)"

    def _real_extract(self, url):
        site, id = self._match_valid_url(url).group("site", "id")
        return {"id": id, "title": "Phacoemulsification", "url": f"{site}/same.mp4"}
"""
"""A site as yt-dlp knows it whose videos have two addresses each."""

TITLE = (
    "</script><script>alert(1)</script> $(touch pwned) ; rm -rf . \x1b[2J ../../x " + "y" * 10_000
)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """Pages with hostile titles, and a feed with ids that climb."""
    root = tmp_path / "site"
    root.mkdir()
    for number, name in enumerate(("a.mp4", "A.mp4", "same.mp4")):
        make_video(root / name, seconds=1.0 + number / 2)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None: ...

    handler = functools.partial(Quiet, directory=str(root))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    url = f"http://127.0.0.1:{server.server_port}"
    video = {"@context": "https://schema.org", "@type": "VideoObject", "name": TITLE}
    video |= {"contentUrl": f"{url}/a.mp4", "description": TITLE}
    safe = json.dumps(video).replace("</", "<\\/")
    (root / "page.html").write_text(
        f'<html><head><script type="application/ld+json">{safe}</script></head></html>'
    )
    items = "".join(
        f"<item><title>../../{n}\n\n# </title><guid>../../../{n}</guid>"
        f"<enclosure url='{url}/same.mp4?{n}' type='video/mp4' length='1'/></item>"
        for n in range(2)
    )
    (root / "feed.xml").write_text(
        f"<?xml version='1.0'?><rss version='2.0'><channel><title>x</title>{items}</channel></rss>"
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield url
    server.shutdown()
    thread.join()
    server.server_close()


def files(folder: Path, *but: Path) -> set[Path]:
    return {p for p in folder.rglob("*") if not any(p.is_relative_to(b) for b in but)}


def test_nothing_gets_out_and_nothing_is_run(site: str, tmp_path: Path) -> None:
    out, source = tmp_path / "data" / "out", tmp_path / "data" / "list.txt"
    source.parent.mkdir()
    lines = [
        "--exec=touch pwned",
        "-o /tmp/pwned",
        "--config-location=.",
        "$(touch pwned)",
        "`touch pwned`; touch pwned",
        "../../../../../../etc/passwd",
        "file:///etc/passwd",
        "javascript://x",
        "http://[::1",
        "http://x:99999999/",
        "ytsearch5:--exec touch pwned",
        "a\x1b[2Jb\x07",
        "\u202egpj.exe",
        "x" * 10_000,
        f"{site}/page.html",
        f"{site}/feed.xml",
        f"{site}/a.mp4",
        f"{site}/A.mp4",
        f"{site}/a.mp4#fragment",
        f"{site}/%2e%2e/%2e%2e/etc/passwd",
    ]
    source.write_text("\n".join(lines), encoding="utf-8")
    before = files(tmp_path, out)
    quick = ("--set", "discover.retries=0", "--set", "discover.timeout_s=5.0", "--workers", "1")
    told = run("ophvl", "ingest", "--source", source, "--out", out, *quick, code=3)
    assert "\x1b" not in told.stderr + told.stdout
    run("ophvl", "build-pairs", "--out", out, "--workers", "1")
    run("ophvl", "stats", "--out", out)
    assert files(tmp_path, out) == before
    assert not list(Path.cwd().glob("pwned*"))
    assert "<script>alert" not in (out / "stats.html").read_text(encoding="utf-8")
    run("ophvl", "check", "--out", out)
    counts = status(out)
    found = counts["lines"]
    assert found["listed"] == len(lines) == found["expanded"] + found["failed"] + found["folded"]
    assert found["folded"] == 1
    store = Store(out, load_stages())
    videos = store.read("videos").to_pylist()
    assert all(ID.fullmatch(row["video_id"]) for row in videos)
    locations = {row["location"] for row in videos}
    assert {f"{site}/a.mp4", f"{site}/A.mp4", f"{site}/page.html"} <= locations
    assert len(locations) == 6, "a file of this machine is looked at, and is no video"
    names = [path.name for path in (out / "media").iterdir()]
    assert len({name.lower() for name in names}) == len(names), "also where case does not count"
    (page,) = (row for row in videos if row["location"].endswith("page.html"))
    assert len(page["title"]) == TITLE_CHARACTERS
    shown = run("ophvl", "show", page["video_id"], "--out", out).stdout
    assert "\x1b" not in shown


def test_two_addresses_of_one_site_id_are_one_video(
    site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugins = tmp_path / "plugins" / "yt_dlp_plugins" / "extractor"
    plugins.mkdir(parents=True)
    (plugins / "two_addresses.py").write_text(PLUGIN)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'plugins'}{os.pathsep}{ROOT}")
    source, out = tmp_path / "list.txt", tmp_path / "out"
    source.write_text(f"{site}/watch/x1\n{site}/short/x1\n{site}/short/X1\n")
    # A new interpreter: yt-dlp looks for plugins when it is imported.
    ingest = [sys.executable, "-m", "ophvl", "ingest", "--source", str(source), "--out", str(out)]
    subprocess.run([*ingest, "--workers", "1"], check=True)
    store = Store(out, load_stages())
    videos = {row["location"]: row for row in store.read("videos").to_pylist()}
    assert set(videos) == {f"{site}/watch/x1", f"{site}/short/X1"}, "case counts in a site's ids"
    first = videos[f"{site}/watch/x1"]["video_id"]
    assert first.endswith("_x1")
    sources = {row["line_id"]: row["text"] for row in store.read("sources").to_pylist()}
    linked = store.read("line_videos").to_pylist()
    assert {sources[row["line_id"]] for row in linked if row["video_id"] == first} == {
        f"{site}/watch/x1",
        f"{site}/short/x1",
    }
    assert status(out)["lines"] == {
        "listed": 3,
        "expanded": 2,
        "failed": 0,
        "folded": 1,
        "pending": 0,
    }
    files = sorted(path.name for path in (out / "media").iterdir())
    assert files == sorted(Path(row["path"]).name for row in store.read("media").to_pylist())
    assert len(files) == 2


def test_a_long_list_of_nonsense_is_got_through(tmp_path: Path) -> None:
    source, out = tmp_path / "list.txt", tmp_path / "out"
    count = 20_000
    source.write_text("\n".join(f"--nothing-{n}" for n in range(count)))
    started = time.monotonic()
    run("ophvl", "ingest", "--source", source, "--out", out, code=3)
    assert time.monotonic() - started < 90
    none = {"expanded": 0, "folded": 0, "pending": 0}
    assert status(out)["lines"] == {"listed": count, "failed": count, **none}
    assert sum(path.is_file() for path in out.rglob("*")) < 300
