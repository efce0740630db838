"""Lists that keep videos out, and checks of availability, through the real commands."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq

from ophvl.availability import CheckRow
from ophvl.store import Store
from pipelines.registry import STAGES
from schemas.availability import AVAILABILITY
from tests.fault_server import serving
from tests.media_factory import make_video
from tests.test_road import run, status


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
        run("ophvl", "ingest", "--source", source, *quick, "--exclude", tmp_path / "test-set.txt")
        assert server.seen["d"] == 1, "what models are judged on is asked for, and not fetched"
        run("ophvl", "build-pairs", *quick)
        before = shard_videos(out)
        assert len(before) == 3
        store = Store(out, STAGES)
        ids = {row["location"]: row["video_id"] for row in store.read("videos").to_pylist()}
        (out / "block.txt").write_text(f"{ids[urls[1]]}  asked for by its surgeon\n")
        run("ophvl", "build-pairs", *quick)
        assert shard_videos(out) == before - {ids[urls[1]]}
        for table in ("media", "publications", "speech", "pairs"):
            assert ids[urls[1]] not in store.read(table).column("video_id").to_pylist()
        assert not list((out / "media").glob(f"{ids[urls[1]]}.*"))
        run("ophvl", "ingest", "--source", source, *quick)
        run("ophvl", "check", "--out", out)
        counts = status(out)
        assert counts["by_reason"] == {"evaluation": 1, "taken_down": 1}
        assert (counts["emitted"], counts["dropped"]) == (2, 2)


def test_checks_of_availability_are_added_and_change_nothing(tmp_path: Path) -> None:
    video = make_video(tmp_path / "v.mp4", seconds=1.0)
    source, out = tmp_path / "list.txt", tmp_path / "out"
    with serving(video) as server:
        source.write_text(f"{server.url}/a.mp4\n{server.url}/body-gone.mp4\n{video}\n")
        run("ophvl", "ingest", "--source", source, "--out", out, "--workers", "1", code=3)
        server.seen["body-gone"] = 9
        server.requests.clear()
        done = run("ophvl", "refresh", "--out", out)
        assert (
            "asked for 2 video(s); by the last check of each: 1 available, 1 not_found"
            in done.stdout
        )
        assert "HTTP Error 410" in done.stderr
        assert len(server.requests) == 2, "nothing is fetched"
        assert "asked for 0 video(s)" in run("ophvl", "refresh", "--out", out).stdout
        run("ophvl", "refresh", "--out", out, "--older-than", "0")
        rows = Store(out, STAGES).read("availability").to_pylist()
        assert sorted(row["state"] for row in rows) == ["available"] * 2 + ["not_found"] * 2
        (out / "availability").rename(tmp_path / "kept")
        now = datetime.now(UTC).replace(microsecond=0)
        cut_off = [
            CheckRow(video_id=video_id, checked_at=now, state="network", licence=None, message="x")
            for video_id in sorted({row["video_id"] for row in rows})
        ]
        Store(out, STAGES).append("availability", AVAILABILITY.table(cut_off))
        assert "asked for 2 video(s)" in run("ophvl", "refresh", "--out", out).stdout
        gone = next(row["video_id"] for row in rows if row["state"] == "not_found")
        (out / "block.txt").write_text(f"{gone}\n")
        again = run("ophvl", "refresh", "--out", out, "--older-than", "0")
        assert "asked for 1 video(s)" in again.stdout, "what was taken down is not asked for"
        (out / "block.txt").unlink()
        run("ophvl", "check", "--out", out)
        log = run(
            "ophvl", "ingest", "--source", source, "--out", out, "--workers", "1", code=3
        ).stderr
        assert "admit..keep 3/3 3 unchanged" in log
    done = run("ophvl", "refresh", "--out", out, "--older-than", "0", code=3)
    assert "asked for 2 video(s); by the last check of each: 1 available" in (done.stdout)
    assert "2 check(s) told nothing of their videos (2 network)" in done.stderr
