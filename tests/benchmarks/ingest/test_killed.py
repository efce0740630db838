"""Ingest with real stages and ledger, killed at six random instants: the tables are those of a calm run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.ingest import fakes
from benchmarks.ingest.killed import differences, finished, kill_and_resume, random_instants, redone

VIDEOS = 60
ROOT = Path(__file__).parents[3]


@pytest.mark.timeout(300)
def test_six_kills_lose_nothing_and_do_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OPHVL_FAKE_PAUSE_S", "0.08")
    source = fakes.write_list(tmp_path / "list.txt", range(VIDEOS))
    calm, killed = tmp_path / "calm" / "out", tmp_path / "killed" / "out"
    stages = fakes.stages()
    program = [sys.executable, "-m", "benchmarks.ingest.killed", str(source)]
    for out in (calm, killed):
        out.mkdir(parents=True)
        fakes.template(out)
    assert list(kill_and_resume([*program, str(calm)], calm, stages, instants=())) == []
    instants = random_instants(6, 80, seed=20261124)
    seen = list(kill_and_resume([*program, str(killed)], killed, stages, instants=instants))
    done = [sum(stage == "keep" for stage, _ in found) for found in seen]
    assert done == sorted(done)
    assert any(0 < count < VIDEOS for count in done), "some kills came in the middle of the work"
    assert sum(stage == "keep" for stage, _ in finished(killed, stages)) == VIDEOS
    assert redone(seen, killed, stages) == []
    assert differences(killed, calm, stages) == []


def test_differences_are_told(tmp_path: Path) -> None:
    stages = fakes.stages()
    from benchmarks.ingest.scale import ingest

    folders = []
    for name, numbers in (("a", [1, 2]), ("b", [1, 3])):
        out = tmp_path / name / "out"
        out.mkdir(parents=True)
        ingest(out, fakes.write_list(tmp_path / name / "list.txt", numbers))
        folders.append(out)
    (folders[0] / "media" / "x.mp4.part").touch()
    told = differences(folders[0], folders[1], stages)
    assert any("table media differs" in line for line in told)
    assert any("x.mp4.part" in line for line in told)
    assert differences(folders[1], folders[1], stages) == []


@pytest.mark.timeout(300)
def test_three_jobs_of_an_array_at_once_make_the_same_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    source = fakes.write_list(tmp_path / "list.txt", range(VIDEOS))
    alone, shared = tmp_path / "alone" / "out", tmp_path / "shared" / "out"
    for out in (alone, shared):
        out.mkdir(parents=True)
        fakes.template(out)
    program = [sys.executable, "-m", "benchmarks.ingest.killed", str(source)]
    subprocess.run([*program, str(alone)], check=True)
    jobs = [subprocess.Popen([*program, str(shared), f"{k}/3"]) for k in (1, 2, 3)]
    assert [job.wait() for job in jobs] == [0, 0, 0]
    assert differences(shared, alone, fakes.stages()) == []
    before = finished(shared, fakes.stages())
    subprocess.run([*program, str(shared)], check=True)
    assert finished(shared, fakes.stages()) == before, "nothing is left to do"
