"""What all tests share.

With OPHVL_FORBID_SKIPS=1 a session that skips anything fails at its end: a skip must not pass for a
test where everything is installed.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter

from tests.ophvl.toy_folder import ToyFolder


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ToyFolder:
    """A dataset folder to run the toy stages on. Waiting for the disk would be most of the time."""
    monkeypatch.setattr("ophvl.atomic_io.os.fsync", lambda descriptor: None)
    return ToyFolder(tmp_path)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses before further tries, noted instead of slept."""
    noted: list[float] = []
    monkeypatch.setattr("ophvl.run.unit_worker.time.sleep", noted.append)
    return noted


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB; mounting it takes the rights of root."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)],
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        pytest.skip(f"needs the right to mount a small disk: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def _forbidden_skips(config: pytest.Config) -> list[str]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("OPHVL_FORBID_SKIPS") != "1" or not isinstance(reporter, TerminalReporter):
        return []
    skipped: list[pytest.TestReport] = reporter.stats.get("skipped", [])
    return [f"{report.nodeid}: {_reason(report)}" for report in skipped]


def _reason(report: pytest.TestReport) -> str:
    where = report.longrepr
    return str(where[2]) if isinstance(where, tuple) else str(where)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _forbidden_skips(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    skips = _forbidden_skips(config)
    if skips:
        terminalreporter.section("skips are forbidden (OPHVL_FORBID_SKIPS=1)", red=True)
        for line in skips:
            terminalreporter.write_line(line)
