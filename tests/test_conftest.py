"""A forbidden skip fails the session and is named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("spread", [(), ("--numprocesses", "2", "--dist", "loadfile")])
@pytest.mark.parametrize(("forbid", "code"), [("1", 1), ("", 0)])
def test_skips_can_be_forbidden(
    tmp_path: Path, forbid: str, code: int, spread: tuple[str, ...]
) -> None:
    module, passing = "import pytest\npytest.importorskip('no_such_tool')\n", "def test_y(): pass\n"
    (tmp_path / "test_module.py").write_text(module + passing)
    (tmp_path / "test_one.py").write_text(
        f"import pytest\n\ndef test_x():\n    pytest.skip('no such card')\n\n{passing}"
    )
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-c", os.devnull]
    result = subprocess.run(
        [*command, *spread, "--rootdir", str(tmp_path), str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "OPHVL_FORBID_SKIPS": forbid},
        cwd=Path(__file__).parents[1],
        check=False,
    )
    assert result.returncode == code, result.stdout + result.stderr
    assert ("test_one.py::test_x: Skipped: no such card" in result.stdout) is bool(forbid)
    assert ("test_module.py: Skipped: could not import" in result.stdout) is bool(forbid)
