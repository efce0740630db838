"""Jobs that start at once on one folder lose nothing of each other's settings."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

import ophvl.atomic_io
from ophvl.cli.job import Job
from ophvl.config import resolve
from ophvl.partitions import Partitions
from pipelines.registry import settings_classes

JOBS = 3


def test_no_line_of_a_block_list_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, source = tmp_path / "out", tmp_path / "list.txt"
    (tmp_path / "case.mp4").touch()
    source.write_text("case.mp4\n")
    write_text = ophvl.atomic_io.write_text

    def write_late(path: Path, text: str) -> None:
        time.sleep(0.2)
        write_text(path, text)

    monkeypatch.setattr(ophvl.atomic_io, "write_text", write_late)

    def start(number: int) -> None:
        taken_down = tmp_path / f"{number}.txt"
        taken_down.write_text(f"youtube_{number}\n")
        job = Job(
            out=out,
            overrides=[f"download.max_height={240 * number}"],
            lists={"block.txt": [taken_down]},
        )
        options = job.options(1, partitions=Partitions.share(f"{number}/{JOBS}"))
        job.run([["discover", "admit"]], options, source=source)

    jobs = [threading.Thread(target=start, args=(number,)) for number in range(1, JOBS + 1)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert sorted((out / "block.txt").read_text().split()) == [
        "youtube_1",
        "youtube_2",
        "youtube_3",
    ]
    kept = resolve(settings_classes(), files=[out / "config.toml"])["download"]
    assert kept.max_height in (240, 480, 720)  # type: ignore[attr-defined]
