"""The benchmark of a long list of nonsense, on a short one."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.ingest import lines


def test_what_is_measured(tmp_path: Path) -> None:
    told = list(lines.measure(tmp_path, 2000))
    assert told[0].startswith("2000 lines: ")
    found = {line.split()[0]: line for line in told[1:]}
    assert int(found["afterwards"].split()[1]) < 300
    assert found["account"].endswith(
        "listed 2000, expanded 0, failed 2000, folded 0, pending 0; the sums hold"
    )
    assert "; the sums do not hold" in lines.account(tmp_path / "out", 2001)
    assert {path.name for path in tmp_path.iterdir()} == {"list.txt", "out"}


def test_a_run_that_ends_otherwise_is_told(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("# nothing\n")
    with pytest.raises(RuntimeError, match=r"ingest ended with 2: .*names nothing"):
        lines.ingest(tmp_path / "list.txt", tmp_path / "out")
