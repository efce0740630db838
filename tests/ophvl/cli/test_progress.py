"""A bar on a terminal, plain lines in a log."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ophvl.cli import progress
from ophvl.run.unit_worker import UnitReport
from tests.commands import run
from tests.media_factory import make_video


def ingest(folder: Path) -> list[str]:
    make_video(folder / "case_1.mp4", seconds=1.0)
    (folder / "list.txt").write_text("case_1.mp4")
    return [
        "ophvl", "ingest", "--source", str(folder / "list.txt"), "--out", str(folder / "out")
    ]  # fmt: skip


TERMINAL = {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "24"}


def read_to_the_end(terminal: int) -> bytes:
    shown = b""
    try:
        while piece := os.read(terminal, 4096):
            shown += piece
    except OSError:  # Linux tells so that the other side is closed.
        pass
    os.close(terminal)
    return shown


def in_turns(reporter: progress.RunReporter, slots: int) -> None:
    """What a long run reports: lines are asked for a while, then their videos are taken on."""
    with reporter:
        for slot in range(1, slots + 1):
            for stages in (["discover"], ["admit", "download"]):
                reporter.started(stages, slot)
                for number in range(slot):
                    reporter.advanced(UnitReport(unit=f"v{number}", unchanged=tuple(stages)))
                reporter.ended()


def test_a_log_gets_plain_lines(tmp_path: Path) -> None:
    result = run(*ingest(tmp_path))
    assert "admit..keep 1/1 1 emitted in " in result.stderr
    assert "\x1b" not in result.stderr
    assert result.stdout.endswith(f"\nnext: ophvl build-pairs --out {tmp_path / 'out'}\n")


def test_a_terminal_gets_a_bar(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", *ingest(tmp_path)],
        stdout=subprocess.DEVNULL,
        stderr=slave,
        env={**os.environ, **TERMINAL},
    )
    os.close(slave)
    shown = read_to_the_end(master)
    assert process.wait() == 0
    assert b"\x1b[" in shown
    assert "━".encode() in shown
    assert b"admit..keep 1/1" in shown


def test_a_long_run_has_one_bar_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = pty.openpty()
    shown: list[bytes] = []
    reader = threading.Thread(target=lambda: shown.append(read_to_the_end(master)))
    for name, value in TERMINAL.items():
        monkeypatch.setenv(name, value)
    with os.fdopen(slave, "w") as terminal, monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", terminal)
        reader.start()
        in_turns(progress.make_reporter(), slots=30)
    reader.join()
    drawn = shown[0].decode().rpartition("\x1b[2K")[2]  # What was there is cleared before.
    assert [line.split(" ")[:2] for line in drawn.splitlines() if "30/30" in line] == [
        ["discover", "30/30"],
        ["admit..download", "30/30"],
    ]
    assert drawn.count("unchanged") == 2


def test_a_log_tells_each_tally_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    in_turns(progress.make_reporter(), slots=2)
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(" in ")[0] for line in lines] == [
        "discover 1/1 1 unchanged",
        "admit..download 1/1 1 unchanged",
        "discover 1/2 1 unchanged",
        "discover 2/2 2 unchanged",
        "admit..download 1/2 1 unchanged",
        "admit..download 2/2 2 unchanged",
    ]
