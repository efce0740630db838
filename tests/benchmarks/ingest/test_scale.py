"""The benchmark of scale on a small list: what it prints, and what must hold at any size."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.ingest.scale import main, measure


def test_what_is_measured(tmp_path: Path) -> None:
    lines: list[str] = []
    cost = measure(tmp_path, 40, lines.append)
    assert lines[0] == "40 videos, one process"
    found = {line.split()[0]: line for line in lines[1:]}
    assert f"all else is {cost:.1f} durable commits of" in found["a"]
    pace_ms, whole_ms = (
        float(re.search(pattern, found["a"])[1])  # type: ignore[index]
        for pattern in (r"pace ([\d.]+)", r"video +([\d.]+) ms")
    )
    assert 0 < pace_ms < whole_ms, "hosts are asked at their pace, and that is counted"
    # The lines together, and for each video one in each of admit, download, transcribe and keep.
    assert int(found["commits"].split()[1]) <= 40 * 5
    assert found["rerun"].endswith(" 0 redone")
    assert found["one"].endswith(" 1 video done")
    assert "41 videos accounted for" in found["status"]


def test_a_cost_that_grows_ends_with_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--videos", "10", "--flat", "1000"]) == 0
    assert main(["--videos", "10", "--flat", "0.001"]) == 1
    assert "flat is up to 0.001" in capsys.readouterr().out.splitlines()[-1]
