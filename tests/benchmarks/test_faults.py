"""The benchmark's faults change what a module does, and nothing that it says."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from benchmarks import faults

MODULE = """
LIMIT = 3

def shortest(words, least=2):
    \"\"\"Say 4 things.\"\"\"
    if not words and least > 1:
        raise ValueError("none of 5")
    return min(len(w.strip()) + 6 for w in words) * 0.5
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(faults, "ROOT", tmp_path)
    path = tmp_path / "module.py"
    path.write_text(MODULE)
    return path


def test_each_kind_of_fault(module: Path) -> None:
    found = {fault.what for fault in faults.faults(module)}
    assert found == {
        "always False: if not words and least > 1:",
        "always True: if not words and least > 1:",
        "without operand 1: not words and least > 1",
        "without operand 2: not words and least > 1",
        "without not: not words",
        "turned: least > 1",
        "one more: 1",
        "max: min",
        "other sign: len(w.strip()) + 6",
        "without strip: w.strip()",
        "one more: 6",
        "three quarters: 0.5",
    }


def test_a_fault_changes_one_thing(module: Path) -> None:
    sources = {fault.what: fault.source() for fault in faults.faults(module)}
    same = ast.unparse(ast.parse(MODULE)) + "\n"
    assert len(set(sources.values())) == len(sources)
    assert same not in sources.values()
    assert "max((len(w.strip()) + 6" in sources["max: min"]
    assert "len(w) + 6" in sources["without strip: w.strip()"]
    assert "if least > 1:" in sources["without operand 1: not words and least > 1"]
    assert "* 0.375" in sources["three quarters: 0.5"]


def test_a_draw_is_that_of_its_seed_and_takes_three_of_a_module() -> None:
    one, other = (faults.draw(seed, 1.0) for seed in (1, 2))
    assert one == faults.draw(1, 1.0) != other
    assert [area for area, _ in one] == ["stages"] * 16 + ["text"] * 20 + ["ophclip"] * 20
    paths = [fault.path for _, fault in one]
    assert max(map(paths.count, paths)) <= 3
    assert len(faults.draw(1, 0.25)) == 14
