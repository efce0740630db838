"""One writer at a time; the dead are inherited from at once, the living never."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ophvl import lock
from ophvl.errors import UsageError
from ophvl.lock import locked


def write_lock(root: Path, *, pid: int, host: str, age_s: float = 0.0) -> Path:
    path = root / ".lock"
    path.write_text(json.dumps({"pid": pid, "host": host}))
    os.utime(path, (time.time() - age_s,) * 2)
    return path


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_lock_is_held_and_given_back(tmp_path: Path) -> None:
    root = tmp_path / "new" / "out"
    with locked(root):
        assert json.loads((root / ".lock").read_text())["pid"] == os.getpid()
        with pytest.raises(UsageError, match=f"in use by process {os.getpid()}"), locked(root):
            pass
    assert list(root.iterdir()) == []
    with locked(root):
        pass


def test_it_is_given_back_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), locked(tmp_path):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_another_live_process_is_respected_however_old_its_beat(tmp_path: Path) -> None:
    path = write_lock(tmp_path, pid=os.getppid(), host=socket.gethostname(), age_s=9999)
    with pytest.raises(UsageError, match=r"--out.*remove .*\.lock"), locked(tmp_path):
        pass
    assert path.exists()


def test_a_dead_process_of_this_host_is_inherited_at_once(tmp_path: Path) -> None:
    write_lock(tmp_path, pid=dead_pid(), host=socket.gethostname())
    with locked(tmp_path):
        assert json.loads((tmp_path / ".lock").read_text())["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("age_s", "free"), [(1.0, False), (lock.STALE_S + 5, True)])
@pytest.mark.parametrize("own_pid_in_an_earlier_life", [True, False])
def test_else_the_beat_decides(
    tmp_path: Path, age_s: float, free: bool, own_pid_in_an_earlier_life: bool
) -> None:
    if own_pid_in_an_earlier_life:
        write_lock(tmp_path, pid=os.getpid(), host=socket.gethostname(), age_s=age_s)
    else:
        write_lock(tmp_path, pid=1, host="elsewhere", age_s=age_s)
    if free:
        with locked(tmp_path):
            pass
    else:
        with pytest.raises(UsageError), locked(tmp_path):
            pass


@pytest.mark.parametrize("text", ["", '{"pid": 1', "\x00\x00"])
def test_a_lock_cut_off_by_a_crash_is_free_after_a_beat(tmp_path: Path, text: str) -> None:
    path = tmp_path / ".lock"
    path.write_text(text)
    with pytest.raises(UsageError), locked(tmp_path):
        pass
    os.utime(path, (time.time() - lock.HEARTBEAT_S - 1,) * 2)
    with locked(tmp_path):
        pass


def test_the_heart_beats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "HEARTBEAT_S", 0.02)
    with locked(tmp_path):
        path = tmp_path / ".lock"
        os.utime(path, (0, 0))
        deadline = time.monotonic() + 5
        while path.stat().st_mtime == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert path.stat().st_mtime > 0
        path.unlink()
        time.sleep(0.1)  # The heart beats on where the file is gone.


def test_of_many_newcomers_one_inherits(tmp_path: Path) -> None:
    write_lock(tmp_path, pid=dead_pid(), host=socket.gethostname())
    start, done = threading.Barrier(8), threading.Event()
    won: list[int] = []
    refused: list[str] = []

    def come(number: int) -> None:
        start.wait()
        try:
            with locked(tmp_path):
                won.append(number)
                done.wait(10)
        except UsageError as err:
            refused.append(str(err))

    threads = [threading.Thread(target=come, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 10
    while len(refused) < 7 and time.monotonic() < deadline:
        time.sleep(0.01)
    done.set()
    for thread in threads:
        thread.join()
    assert (len(won), len(refused)) == (1, 7)
