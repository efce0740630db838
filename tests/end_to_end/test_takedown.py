"""Lists that keep videos out, and checks of availability, through the real commands."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from benchmarks.ingest import fakes
from benchmarks.ingest.scale import ingest
from ophvl.dataset.blocked import blocked_videos
from ophvl.dataset.store import Store
from ophvl.ports import FetchedVideo, VideoMetadata
from ophvl.sources.blocklists import BlockLists
from pipelines.registry import load_stages
from schemas.availability import AVAILABILITY, AvailabilityRow
from tests.commands import run, status
from tests.fault_server import serving
from tests.media_factory import make_video


def shard_videos(out: Path) -> set[str]:
    paths = sorted((out / "shards").glob("*.parquet"))
    return {video for path in paths for video in pq.read_table(path).column("video_id").to_pylist()}


def test_what_is_taken_down_leaves_the_media_the_tables_and_the_shards(tmp_path: Path) -> None:
    video = make_video(tmp_path / "v.mp4", seconds=2.0)
    source, out = tmp_path / "list.txt", tmp_path / "out"
    quick = ("--out", out, "--workers", "1")
    with serving(video) as server:
        urls = [f"{server.url}/{name}.mp4" for name in "abcd"]
        source.write_text("\n".join(urls))
        (tmp_path / "test-set.txt").write_text(f"{urls[3]}\n")
        run(
            "ophvl",
            "ingest",
            "--source",
            source,
            "--downloads",
            "0",
            *quick,
            "--exclude",
            tmp_path / "test-set.txt",
        )
        assert server.request_counts["d"] == 1, (
            "what models are judged on is asked for, and not fetched"
        )
        run("ophvl", "build-pairs", *quick)
        before = shard_videos(out)
        assert len(before) == 3
        store = Store(out, load_stages())
        ids = {row["location"]: row["video_id"] for row in store.read("videos").to_pylist()}
        (out / "block.txt").write_text(f"{ids[urls[1]]}  asked for by its surgeon\n")
        run("ophvl", "build-pairs", *quick)
        assert shard_videos(out) == before - {ids[urls[1]]}
        for table in ("media", "publications", "speech", "pairs"):
            assert ids[urls[1]] not in store.read(table).column("video_id").to_pylist()
        assert not list((out / "media").glob(f"{ids[urls[1]]}.*"))
        run("ophvl", "ingest", "--source", source, "--downloads", "0", *quick)
        run("ophvl", "check", "--out", out)
        counts = status(out)
        assert counts["by_reason"] == {"evaluation": 1, "taken_down": 1}
        assert (counts["emitted"], counts["dropped"]) == (2, 2)


@dataclass
class Pages:
    """A folder of videos 1 to 3, of whose channels the list says nothing, but their pages do."""

    out: Path
    source: Path
    fetched: list[int] = field(default_factory=list)

    def ingest(self, *blocked: str) -> list[int]:
        """Ingest with this block list; the videos whose media there is then."""
        self.fetched.clear()
        (self.out / "block.txt").write_text("".join(f"{line}\n" for line in blocked))
        ingest(self.out, self.source)
        rows = Store(self.out, fakes.stages()).read("media", ["video_id"])
        left = {path.stem for path in (self.out / "media").iterdir()}
        assert left == set(rows.column("video_id").to_pylist())
        return sorted(int(name.rpartition("_")[2]) for name in left)


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pages:
    out = tmp_path / "out"
    out.mkdir()
    pages = Pages(out, fakes.write_list(tmp_path / "list.txt", [1, 2, 3]))
    expand, fetch = fakes.FakeDownloader.expand, fakes.FakeDownloader.fetch

    def listed(self: fakes.FakeDownloader, url: str) -> list[VideoMetadata]:
        return [replace(found, channel=None, channel_id=None) for found in expand(self, url)]

    def fetch_it(
        self: fakes.FakeDownloader, url: str, directory: Path, video_id: str
    ) -> FetchedVideo:
        number = int(url.rpartition("/")[2])
        pages.fetched.append(number)
        page = replace(expand(self, url)[0], channel_id=f"UC{number}")
        return replace(fetch(self, url, directory, video_id), metadata=page)

    monkeypatch.setattr(fakes.FakeDownloader, "expand", listed)
    monkeypatch.setattr(fakes.FakeDownloader, "fetch", fetch_it)
    return pages


def test_a_channel_that_only_pages_tell_is_taken_down_and_known_again(pages: Pages) -> None:
    assert pages.ingest() == [1, 2, 3]
    assert (pages.ingest("channel:UC2"), pages.fetched) == ([1, 3], [])
    assert (pages.ingest("channel:UC2", "channel:other"), pages.fetched) == ([1, 3], [])
    assert (pages.ingest(), pages.fetched) == ([1, 2, 3], [2])


def test_what_was_kept_out_once_fetched_comes_back_when_it_is_off_the_list(pages: Pages) -> None:
    assert (pages.ingest("channel:UC2"), pages.fetched) == ([1, 3], [1, 2, 3])
    assert (pages.ingest("channel:UC2", "channel:other"), pages.fetched) == ([1, 3], [])
    assert (pages.ingest("channel:other"), pages.fetched) == ([1, 2, 3], [2])


def test_a_list_that_grows_fetches_nothing_anew(pages: Pages) -> None:
    pages.ingest()
    for path in (pages.out / "media").iterdir():
        path.unlink()
    pages.fetched.clear()
    (pages.out / "block.txt").write_text("channel:other\n")
    ingest(pages.out, pages.source)
    store = Store(pages.out, fakes.stages())
    assert (pages.fetched, store.read("speech").num_rows) == ([], 3)
    assert blocked_videos(store, BlockLists(pages.out)) == set()
    (pages.out / "block.txt").write_text("channel:UC2\n")
    assert blocked_videos(store, BlockLists(pages.out)) == {"fakesite_000002"}


def test_checks_of_availability_are_added_and_change_nothing(tmp_path: Path) -> None:
    video = make_video(tmp_path / "v.mp4", seconds=1.0)
    source, out = tmp_path / "list.txt", tmp_path / "out"
    with serving(video) as server:
        source.write_text(f"{server.url}/a.mp4\n{server.url}/body-gone.mp4\n{video}\n")
        run("ophvl", "ingest", "--source", source, "--out", out, "--workers", "1", code=3)
        server.request_counts["body-gone"] = 9
        server.requests.clear()
        done = run("ophvl", "refresh", "--out", out)
        assert (
            "checked 2 video(s); by the last check of each: 1 available, 1 not_found" in done.stdout
        )
        assert "HTTP Error 410" in done.stderr
        assert len(server.requests) == 2, "nothing is fetched"
        assert "checked 0 video(s)" in run("ophvl", "refresh", "--out", out).stdout
        run("ophvl", "refresh", "--out", out, "--older-than", "0")
        rows = Store(out, load_stages()).read("availability").to_pylist()
        assert sorted(row["state"] for row in rows) == ["available"] * 2 + ["not_found"] * 2
        (out / "availability").rename(tmp_path / "kept")
        now = datetime.now(UTC).replace(microsecond=0)
        cut_off = [
            AvailabilityRow(
                video_id=video_id, checked_at=now, state="network", licence=None, message="x"
            )
            for video_id in sorted({row["video_id"] for row in rows})
        ]
        Store(out, load_stages()).append("availability", AVAILABILITY.table(cut_off))
        assert "checked 2 video(s)" in run("ophvl", "refresh", "--out", out).stdout
        gone = next(row["video_id"] for row in rows if row["state"] == "not_found")
        (out / "block.txt").write_text(f"{gone}\n")
        again = run("ophvl", "refresh", "--out", out, "--older-than", "0")
        assert "checked 1 video(s)" in again.stdout, "what was taken down is not asked for"
        (out / "block.txt").unlink()
        run("ophvl", "check", "--out", out)
        log = run(
            "ophvl", "ingest", "--source", source, "--out", out, "--workers", "1", code=3
        ).stderr
        assert "admit..keep 3/3 3 unchanged" in log
    done = run("ophvl", "refresh", "--out", out, "--older-than", "0", code=3)
    assert "checked 2 video(s); by the last check of each: 1 available" in (done.stdout)
    assert "2 check(s) were inconclusive (2 network)" in done.stderr
