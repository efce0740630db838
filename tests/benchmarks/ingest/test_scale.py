"""The benchmark of scale on a small list: what it prints, and what must hold at any size."""

from __future__ import annotations

from pathlib import Path

from benchmarks.ingest.scale import measure


def test_what_is_measured(tmp_path: Path) -> None:
    lines = list(measure(tmp_path, 40))
    assert lines[0] == "40 videos, one process"
    found = {line.split()[0]: line for line in lines[1:]}
    assert "durable commits of" in found["a"]
    # The lines together, and for each video one in each of admit, download, transcribe and keep.
    assert int(found["commits"].split()[1]) <= 40 * 5
    assert found["rerun"].endswith(" 0 redone")
    assert found["one"].endswith(" 1 video done")
    assert "41 videos accounted for" in found["status"]
