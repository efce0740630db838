"""Ingest with real stages, yt-dlp and ledger, killed again and again: its tables are those of a calm run."""

from __future__ import annotations

import hashlib
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.ingest import fakes
from benchmarks.ingest.killed import (
    differences,
    finished,
    kill_and_resume,
    random_instants,
    redone,
    stray_files,
)
from benchmarks.ingest.scale import ingest
from ophvl.dataset.store import Store
from pipelines.registry import load_stages
from tests.commands import Command, run
from tests.fault_server import serving
from tests.media_factory import make_video

ROOT = Path(__file__).parents[3]
PROGRAM = [sys.executable, "-m", "benchmarks.ingest.killed"]
FETCHED = [f"slow-{number:02d}" for number in range(20)]
FAILED = {"404": "not_found", "huge": "too_large", "corrupt": "decode_error"}


@pytest.fixture(autouse=True)
def from_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("video") / "v.mp4", seconds=2.0)


def test_six_kills_lose_nothing_and_do_nothing_twice(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPHVL_FAKE_PAUSE_S", "0.08")
    calm, killed, source = tmp_path / "calm", tmp_path / "killed", tmp_path / "list.txt"
    stages = fakes.stages(fetch=True)
    parts: set[tuple[str, int]] = set()
    with serving(video) as server:
        names = [*FAILED, "error-once", "eye-makeup-tutorial", *FETCHED]
        source.write_text("".join(f"{server.url}/{name}.mp4\n" for name in names))
        program = [*PROGRAM, "--fetch", "--set", "download.max_gb=1", str(source)]
        assert list(kill_and_resume([*program, str(calm)], calm, stages, instants=())) == []
        assert server.resumed == []
        server.request_counts.clear()
        seen = []
        instants = random_instants(6, 36, seed=20261124)
        for found in kill_and_resume([*program, str(killed)], killed, stages, instants=instants):
            seen.append(found)
            parts |= begun(killed)
        assert parts
        assert set(server.resumed) == parts
        contents = {hashlib.sha256(server.own(name)).hexdigest() for name in FETCHED}
    done = [sum(stage == "keep" for stage, _ in found) for found in seen]
    assert done == sorted(done)
    assert any(0 < count < len(FETCHED) for count in done), "some kills came in the middle"
    assert redone(seen, killed, stages) == []
    assert differences(killed, calm, stages) == []
    store = Store(killed, stages)
    assert contents < {*store.read("media", ["sha256"]).column("sha256").to_pylist()}
    kinds = store.read("failures", ["kind"]).column("kind").to_pylist()
    assert sorted(kinds) == sorted(FAILED.values())
    assert store.read("dropped").column("reason").to_pylist() == ["not_surgical"]


def begun(out: Path) -> set[tuple[str, int]]:
    """The files that were being fetched when a run was killed: name and bytes."""
    sizes = part_sizes(out)
    rows = Store(out, load_stages()).read("videos", ["video_id", "location"]).to_pylist()
    names = {row["video_id"]: Path(row["location"]).stem for row in rows}
    return {(names[name.partition(".")[0]], size) for name, size in sizes.items() if size}


def part_sizes(out: Path) -> dict[str, int]:
    """What is there of files that are being fetched, once it grows no more.

    Workers end with their parent that was killed, but a moment later.
    """
    sizes: list[dict[str, int]] = []
    while len(sizes) < 2 or sizes[-1] != sizes[-2]:
        time.sleep(0.3)
        parts = (out / "media").glob("*.mp4.part")
        sizes.append({path.name: path.stat().st_size for path in parts})
    return sizes[-1]


def test_a_transfer_goes_on_where_it_was_killed(video: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "list.txt", tmp_path / "out"
    words = ("ingest", "--source", str(source), "--out", str(out), "--workers", "1")
    command = [sys.executable, "-m", "ophvl", *words]
    large = tmp_path / "large.mp4"
    with serving(video) as small:
        large.write_bytes(small.own("large"))
    with serving(large) as server:
        source.write_text(f"{server.url}/body-hold-once.mp4\n")
        process = subprocess.Popen(command)
        while not (sizes := [*part_sizes(out).values()]) or not sizes[0]:
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        subprocess.run(command, check=True)
        assert server.resumed == [("body-hold-once", sizes[0])]
    (file,) = (out / "media").iterdir()
    assert file.suffix == ".mp4"
    assert file.read_bytes() == large.read_bytes()
    assert stray_files(out, load_stages()) == []


def test_differences_are_told(tmp_path: Path) -> None:
    stages = fakes.stages()
    source = tmp_path / "list.txt"
    folders = []
    for name, numbers, odd in (("a", [1, 2], [fakes.GONE]), ("b", [1, 3], [fakes.COOKING])):
        out = tmp_path / name / "out"
        out.mkdir(parents=True)
        ingest(out, fakes.write_list(source, numbers, odd))
        folders.append(out)
    ours, theirs = folders
    left = ["x.mp4.part", "x.ytdl", "y.mp4.temp", "x.f137.mp4"]
    for path in [*(ours / "media" / name for name in left), ours / ".locks" / "pace-1.turn"]:
        path.touch()
    (gone,) = (theirs / "media").glob("*3.mp4")
    gone.unlink()
    orphan = next((ours / "tables" / "media").iterdir())
    orphan.with_name(re.sub(r"[0-9a-f]{8}(?=\.)", "0badf00d", orphan.name)).touch()
    told = "\n".join(differences(ours, theirs, stages))
    differing = ("sources", "videos", "media", "publications", "transcripts", "speech", "kept")
    for table in (*differing, "failures"):
        assert f"a row of {table} only in {ours}" in told
    for table in (*differing, "dropped"):
        assert f"a row of {table} only in {theirs}" in told
    for path in [*(f"media/{name}" for name in left), ".locks/pace-1.turn"]:
        assert f"left behind: {ours}/{path}" in told
    assert f"a file only in {ours}: tables/media/" in told
    assert stray_files(theirs, stages) == [f"missing: {gone}"]


@pytest.mark.timeout(300)
def test_three_jobs_of_an_array_at_once_make_the_same_tables(tmp_path: Path) -> None:
    source = fakes.write_list(tmp_path / "list.txt", range(30), fakes.ODD)
    alone, shared = tmp_path / "alone" / "out", tmp_path / "shared" / "out"
    for out in (alone, shared):
        out.mkdir(parents=True)
        fakes.template(out)
    program = ("benchmarks.ingest.killed", source)
    run(*program, alone)
    jobs = [Command(*program, shared, "--parts", f"{k}/3") for k in (1, 2, 3)]
    assert [job.end().returncode for job in jobs] == [0, 0, 0]
    assert differences(shared, alone, fakes.stages()) == []
    before = finished(shared, fakes.stages())
    assert len(before) == 33 + 3 * 33 + 2 * 31, "33 lines; two of their videos end at the download"
    run(*program, shared)
    assert finished(shared, fakes.stages()) == before, "nothing is left to do"
