"""A killed run keeps what it finished, leaves no process behind, and the next run takes over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.ophvl.toy_folder import ToyFolder

REPOSITORY = Path(__file__).parents[3]


def wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_sigkill_loses_no_more_than_what_was_in_flight(toy: ToyFolder) -> None:
    units = {f"v{n:02d}": "slow" for n in range(12)}
    toy.videos(**units)
    command = [sys.executable, "-m", "tests.ophvl.toy_folder", str(toy.base), "2"]
    process = subprocess.Popen(command, cwd=REPOSITORY)
    wait_until(lambda: len(toy.entries("name")) >= 3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    pids = {int(line.split()[-1]) for line in toy.log.read_text().splitlines()}
    assert len(pids) >= 2  # The parent lists the lines; a worker may start late.
    wait_until(lambda: not any(alive(pid) for pid in pids))
    assert list((toy.root / ".locks").glob("*.json"))
    kept = set(toy.entries("name"))
    assert 3 <= len(kept) < len(units)
    toy.calls()
    toy.run()
    again = {call.removeprefix("name ") for call in toy.calls() if call.startswith("name ")}
    assert again == set(units) - kept
    assert toy.counts()["mark emitted"] == len(units)
    assert not list((toy.root / ".locks").iterdir())
