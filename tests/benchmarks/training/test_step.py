"""The step benchmark runs whole, on a CPU."""

from __future__ import annotations

import re

from benchmarks.training.step import main

SMALL = (
    *("data.clip_batch=4", "data.video_batch=2", "data.video_frames=4", "model.image_size=64"),
    *("train.threads=1", "data.workers=0"),
)


def test_it_reports_speed_waiting_and_memory(capsys):
    settings = [text for setting in SMALL for text in ("--set", setting)]
    assert main(["--device", "cpu", "--preset", "tiny", "--steps", "2", *settings]) == 0
    first, clips, videos, memory = capsys.readouterr().out.splitlines()
    assert first.startswith("preset tiny, fp32")
    pattern = (
        r"step: [\d.]+ \w+s a second; [\d.]+ s of work, [\d.]+ times the image encoder alone; "
        r"\d+% of the time waiting for data"
    )
    assert re.fullmatch(f"clip {pattern}", clips)
    assert re.fullmatch(f"video {pattern}", videos)
    assert re.match(r"memory: [\d.]+ GiB", memory)
