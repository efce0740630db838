"""The benchmark of kills with real Whisper, on three videos and two kills."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.ingest.resume import measure


@pytest.mark.timeout(300)
def test_nothing_is_lost_or_done_twice(tmp_path: Path) -> None:
    lines = list(measure(tmp_path, videos=3, kills=2, seed=1))
    assert lines[0].startswith("3 videos, uninterrupted")
    assert lines[1].startswith("2 kills, transcripts after each: ")
    assert "; 0 unit(s) done twice, tables that differ or files left behind" in lines[-1]
