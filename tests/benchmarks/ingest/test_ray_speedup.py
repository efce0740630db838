"""The benchmark of a second worker, on few units."""

from __future__ import annotations

import re

import pytest

from benchmarks.ingest.ray_speedup import measure


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
def test_both_executors_are_timed() -> None:
    lines = list(measure(10))
    assert [line.split()[0] for line in lines] == ["local", "ray"]
    for line in lines:
        one, two, ratio = map(float, re.findall(r"(\d+\.\d+)", line))
        assert ratio == pytest.approx(one / two, rel=0.2)
