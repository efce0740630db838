"""`ophvl doctor`: a line a check, one JSON object, and an exit code that a script can use."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.commands import run


def doctor(*arguments: object, code: int = 0, **environment: str):
    return run("ophvl", "doctor", *arguments, code=code, env={**os.environ, **environment})


def test_a_line_a_check(tmp_path: Path) -> None:
    lines = doctor("--out", tmp_path).stdout.splitlines()
    assert all(line.split()[0] in ("ok", "note") for line in lines)
    assert any(line.startswith("ok       ffmpeg: ffmpeg version") for line in lines)
    assert list(tmp_path.iterdir()) == []


def test_a_problem_names_its_mend_and_ends_with_2(tmp_path: Path) -> None:
    (tmp_path / "out\x1b[31m").touch()
    result = doctor("--out", tmp_path / "out\x1b[31m", code=2)
    (line,) = (line for line in result.stdout.splitlines() if line.startswith("problem"))
    assert "is no folder -> name another folder with --out" in line
    assert "\x1b" not in result.stdout + result.stderr
    assert "error: 1 problem(s): dataset folder" in result.stderr


def test_as_json(tmp_path: Path) -> None:
    missing = str(tmp_path / "no.pem")
    result = doctor("--out", tmp_path, "--json", code=2, SSL_CERT_FILE=missing)
    plain = json.loads(result.stdout)
    assert plain["problems"] == 1
    assert all(set(finding) == {"name", "state", "found", "mend"} for finding in plain["findings"])
    (problem,) = (finding for finding in plain["findings"] if finding["state"] == "problem")
    assert (problem["name"], missing in problem["found"]) == ("certificates", True)
