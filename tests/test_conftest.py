"""A forbidden skip, or a file left behind, fails the session and is named."""

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
    result = _run(tmp_path, *spread, forbid=forbid)
    assert result.returncode == code, result.stdout + result.stderr
    assert ("test_one.py::test_x: Skipped: no such card" in result.stdout) is bool(forbid)
    assert ("test_module.py: Skipped: could not import" in result.stdout) is bool(forbid)


def test_a_file_left_behind_fails_the_session(tmp_path: Path) -> None:
    module = "from pathlib import Path\n\ndef test_x():\n    Path(__file__).with_name('left.txt').touch()\n"
    (tmp_path / "test_one.py").write_text(module)
    for again, code in ((False, 1), (True, 0)):
        result = _run(tmp_path)
        assert result.returncode == code, result.stdout + result.stderr
        assert (str(tmp_path / "left.txt") in result.stdout) is not again


def _run(folder: Path, *options: str, forbid: str = "") -> subprocess.CompletedProcess[str]:
    """Run the tests of a folder in a session of their own, with what all our tests share."""
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-c", os.devnull]
    return subprocess.run(
        [*command, *options, "--rootdir", str(folder), str(folder)],
        capture_output=True,
        text=True,
        env={**os.environ, "OPHVL_FORBID_SKIPS": forbid},
        cwd=Path(__file__).parents[1],
        check=False,
    )
