"""One writer a part at a time; the dead are inherited from at once, the living never."""

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
from ophvl.lock import locked, turn
from ophvl.parts import Parts


def write_lock(
    root: Path, *, pid: int, host: str, age_s: float = 0.0, parts: str = "1/1", name: str = "x.json"
) -> Path:
    path = root / ".locks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"pid": pid, "host": host, "parts": parts}))
    os.utime(path, (time.time() - age_s,) * 2)
    return path


def locks(root: Path) -> list[Path]:
    return list((root / ".locks").iterdir())


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_lock_is_held_and_given_back(tmp_path: Path) -> None:
    root = tmp_path / "new" / "out"
    with locked(root):
        (path,) = locks(root)
        assert json.loads(path.read_text())["pid"] == os.getpid()
        with pytest.raises(UsageError, match=f"in use by process {os.getpid()}"), locked(root):
            pass
    assert locks(root) == []
    with locked(root):
        pass


def test_it_is_given_back_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), locked(tmp_path):
        raise RuntimeError
    assert locks(tmp_path) == []


def test_jobs_of_an_array_share_a_folder_and_no_part(tmp_path: Path) -> None:
    with locked(tmp_path, Parts.share("1/3")), locked(tmp_path, Parts.share("2/3")):
        with pytest.raises(UsageError, match=r"parts 1/3"), locked(tmp_path, Parts.share("1/6")):
            pass
        with pytest.raises(UsageError), locked(tmp_path):
            pass
        with locked(tmp_path, Parts.share("3/3")):
            pass
    with locked(tmp_path), pytest.raises(UsageError), locked(tmp_path, Parts.share("3/3")):
        pass


def test_another_live_process_is_respected_however_old_its_beat(tmp_path: Path) -> None:
    path = write_lock(tmp_path, pid=os.getppid(), host=socket.gethostname(), age_s=9999)
    with pytest.raises(UsageError, match=r"--out.*remove .*x\.json"), locked(tmp_path):
        pass
    assert path.exists()


def test_a_dead_process_of_this_host_is_inherited_at_once(tmp_path: Path) -> None:
    write_lock(tmp_path, pid=dead_pid(), host=socket.gethostname())
    write_lock(tmp_path, pid=dead_pid(), host=socket.gethostname(), name="locks.turn")
    with locked(tmp_path):
        (path,) = locks(tmp_path)
        assert json.loads(path.read_text())["pid"] == os.getpid()
    assert locks(tmp_path) == []


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


@pytest.mark.parametrize("text", ["", '{"pid": 1', "\x00\x00", "[]"])
def test_a_lock_cut_off_by_a_crash_is_free_after_a_beat(tmp_path: Path, text: str) -> None:
    path = write_lock(tmp_path, pid=1, host="")
    path.write_text(text)
    with pytest.raises(UsageError), locked(tmp_path):
        pass
    os.utime(path, (time.time() - lock.HEARTBEAT_S - 1,) * 2)
    with locked(tmp_path):
        pass


def test_the_heart_beats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "HEARTBEAT_S", 0.02)
    with locked(tmp_path):
        (path,) = locks(tmp_path)
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


def test_turns_follow_each_other_also_after_a_death(tmp_path: Path) -> None:
    write_lock(tmp_path, pid=dead_pid(), host=socket.gethostname(), name="lines.turn")
    inside: list[str] = []

    def come(number: int) -> None:
        for _ in range(3):
            with turn(tmp_path, "lines"):
                inside.append(f"in {number}")
                time.sleep(0.001)
                inside.append(f"out {number}")

    threads = [threading.Thread(target=come, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(inside) == 36
    pairs = list(zip(inside[::2], inside[1::2], strict=True))
    assert all(came.split()[1] == went.split()[1] for came, went in pairs)
    assert locks(tmp_path) == []
