"""What all tests share.

With OPHVL_FORBID_SKIPS=1 a session that skips anything fails at its end: a skip must not pass for a
test where everything is installed. A session that leaves files behind in the checkout fails too.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter

from ophvl.ontology import Ontology
from ophvl.text.concepts.matching import Matcher
from ophvl.text.concepts.tagging import Tagger
from ophvl.text.correction.corrector import Corrector
from pipelines import wiring
from pipelines.stages.segment import SegmentConfig
from tests.ophvl.toy_folder import ToyFolder


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ToyFolder:
    """A dataset folder to run the toy stages on. Waiting for the disk would be most of the time."""
    monkeypatch.setattr("ophvl.atomic_io.os.fsync", lambda descriptor: None)
    return ToyFolder(tmp_path)


@pytest.fixture(scope="session")
def matcher() -> Matcher:
    """The matcher of the packaged ontology: it and the next three are loaded once, as commands load them."""
    return wiring.matcher(None, Path())


@pytest.fixture(scope="session")
def ontology(matcher: Matcher) -> Ontology:
    return matcher.ontology


@pytest.fixture(scope="session")
def tagger() -> Tagger:
    return wiring.tagger(None, Path())


@pytest.fixture(scope="session")
def corrector() -> Corrector:
    return wiring.corrector(SegmentConfig(), Path())


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses before further tries, noted instead of slept."""
    noted: list[float] = []
    monkeypatch.setattr("ophvl.run.bound_stage.time.sleep", noted.append)
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


NOT_LEFT_BY_TESTS = {
    ".git",
    ".venv",
    ".demo",  # `make demo` may run beside the tests.
    "__pycache__",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".import_linter_cache",
}
FILES_BEFORE = pytest.StashKey[set[Path]]()


def files_in(folder: Path) -> set[Path]:
    """Return all files below a checkout but those of git, of the environment and of caches."""
    found: set[Path] = set()
    for root, folders, files in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if name not in NOT_LEFT_BY_TESTS and not name.endswith(".egg-info")
        ]
        found |= {Path(root, name) for name in files}
    return found


def pytest_sessionstart(session: pytest.Session) -> None:
    session.config.stash[FILES_BEFORE] = files_in(session.config.rootpath)


def _left_behind(config: pytest.Config) -> list[Path]:
    """Return what the session left in the checkout; the workers of a distributed session look at nothing."""
    if hasattr(config, "workerinput"):
        return []
    return sorted(files_in(config.rootpath) - config.stash[FILES_BEFORE])


def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    fails = _forbidden_skips(config) or _left_behind(config)
    if fails and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    skips = _forbidden_skips(config)
    if skips:
        terminalreporter.section("skips are forbidden (OPHVL_FORBID_SKIPS=1)", red=True)
        for line in skips:
            terminalreporter.write_line(line)
    left_behind = _left_behind(config)
    if left_behind:
        terminalreporter.section("tests left files behind in the checkout", red=True)
        for path in left_behind:
            terminalreporter.write_line(str(path))
