"""A disk that fills up while videos are fetched: the run stops in words, and goes on once there is room."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

from tests.commands import run, status
from tests.fault_server import serving
from tests.media_factory import make_video


def test_a_full_disk_stops_the_run_and_the_next_completes_it(
    small_disk: Path, tmp_path: Path
) -> None:
    rough = np.random.default_rng(1).normal(0, 0.3, 16_000 * 70).astype(np.float32)
    video = make_video(tmp_path / "v.mp4", seconds=1.0, audio=rough)
    size_mb = video.stat().st_size / 2**20
    count = round(12 / size_mb)
    source, out = tmp_path / "list.txt", small_disk / "out"
    with serving(video) as server:
        source.write_text("\n".join(f"{server.url}/v{n}.mp4" for n in range(count)))
        command = ["ophvl", "ingest", "--source", source, "--out", out, "--workers", "1"]
        command += ["--set", "download.reserve_gb=0.0", "--set", "transcribe.model=tiny.en"]
        command += ["--set", "transcribe.beam_size=1"]
        told = run(*command, code=2).stderr
        assert "Make room, then run the same command again" in told
        subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
        run(*command)
        fetched = sum(1 for path in server.requests if path.startswith("/v"))
    counts = status(out)
    assert (counts["listed"], counts["failed"]) == (count, 0)
    assert fetched < 2 * 3 * count, "what was finished is not fetched again"
    run("ophvl", "check", "--out", out)
    left = [path for path in out.rglob("*") if path.name.endswith((".part", ".partial", ".ytdl"))]
    assert left == []


def test_a_reserve_is_left_whatever_is_still_to_come(small_disk: Path, tmp_path: Path) -> None:
    video = make_video(tmp_path / "v.mp4", seconds=1.0)
    source, out = tmp_path / "list.txt", small_disk / "out"
    with serving(video) as server:
        source.write_text(f"{server.url}/body-endless.mp4")
        command = ["ophvl", "ingest", "--source", source, "--out", out, "--workers", "1"]
        told = run(*command, "--set", "download.reserve_gb=0.006", code=2).stderr
    assert "the reserve (download.reserve_gb) take 0.006 GB" in told
    assert list((out / "media").iterdir()) == []


def test_a_reserve_is_left(small_disk: Path, tmp_path: Path) -> None:
    video = make_video(tmp_path / "v.mp4", seconds=1.0)
    source, out = tmp_path / "list.txt", small_disk / "out"
    with serving(video) as server:
        source.write_text(f"{server.url}/a.mp4")
        told = run(
            "ophvl", "ingest", "--source", source, "--out", out, "--workers", "1", code=2
        ).stderr
        assert "download.reserve_gb" in told
        assert server.request_counts["a"] == 1, "only asked for, not fetched"
