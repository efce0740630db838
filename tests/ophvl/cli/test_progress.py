"""A bar on a terminal, plain lines in a log."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

from tests.media_factory import make_video


def command(folder: Path) -> list[str]:
    make_video(folder / "case_1.mp4", seconds=1.0)
    (folder / "list.txt").write_text("case_1.mp4")
    arguments = ["ingest", "--source", str(folder / "list.txt"), "--out", str(folder / "out")]
    return [sys.executable, "-m", "ophvl", *arguments]


def test_a_log_gets_plain_lines(tmp_path: Path) -> None:
    result = subprocess.run(command(tmp_path), capture_output=True, text=True, check=True)
    assert "admit..keep 1/1 1 emitted in " in result.stderr
    assert "\x1b" not in result.stderr


def test_a_terminal_gets_a_bar(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"}
    process = subprocess.Popen(
        command(tmp_path), stdout=subprocess.DEVNULL, stderr=slave, env=environment
    )
    os.close(slave)
    shown = b""
    try:
        while piece := os.read(master, 4096):
            shown += piece
    except OSError:  # Linux tells so that the other side is closed.
        pass
    os.close(master)
    assert process.wait() == 0
    assert b"\x1b[" in shown
    assert "━".encode() in shown
    assert b"admit..keep 1/1" in shown
