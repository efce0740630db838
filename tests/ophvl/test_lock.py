"""One writer a part at a time; the dead are inherited from at once, the living never."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ophvl import lock
from ophvl.errors import UsageError
from ophvl.lock import lock_partitions, mutex
from ophvl.partitions import Partitions


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hearts that beat and are missed within a second."""
    monkeypatch.setattr(lock, "HEARTBEAT_S", 0.5)
    monkeypatch.setattr(lock, "STALE_S", 1.5)
    monkeypatch.setattr(lock, "_POLL_HOLDER_S", 0.05)


def write_lock(
    root: Path,
    *,
    pid: int,
    host: str = "",
    age_s: float = 0.0,
    parts: str = "1/1",
    name: str = "x.json",
    **others: str,
) -> Path:
    """The lock of a process of this machine, unless another host or machine is named."""
    path = root / ".locks" / name
    path.parent.mkdir(exist_ok=True)
    near = {"host": host or socket.gethostname(), "machine": lock._machine()}
    holder = {**near, "pid": pid, "started": lock._started(pid), "parts": parts, **others}
    path.write_text(json.dumps(holder))
    os.utime(path, (time.time() - age_s,) * 2)
    return path


def locks(root: Path) -> list[Path]:
    return list((root / ".locks").iterdir())


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@contextmanager
def beating(path: Path, *, ago_s: float = 0.0) -> Iterator[None]:
    """A heart by a clock that is so many seconds behind ours."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(0.1):
            os.utime(path, (time.time() - ago_s,) * 2)

    heart = threading.Thread(target=beat)
    heart.start()
    try:
        yield
    finally:
        ended.set()
        heart.join()


def lose(path: Path) -> None:
    path.write_text(json.dumps({"token": "of another", "pid": 1}))


def test_the_lock_is_held_and_given_back(tmp_path: Path) -> None:
    root = tmp_path / "new" / "out"
    with lock_partitions(root):
        (path,) = locks(root)
        assert json.loads(path.read_text())["pid"] == os.getpid()
        with (
            pytest.raises(UsageError, match=f"in use by process {os.getpid()}"),
            lock_partitions(root),
        ):
            pass
    assert locks(root) == []
    with lock_partitions(root):
        pass


def test_it_is_given_back_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), lock_partitions(tmp_path):
        raise RuntimeError
    assert locks(tmp_path) == []


def test_jobs_of_an_array_share_a_folder_and_no_part(tmp_path: Path) -> None:
    with (
        lock_partitions(tmp_path, Partitions.share("1/3")),
        lock_partitions(tmp_path, Partitions.share("2/3")),
    ):
        with (
            pytest.raises(UsageError, match=r"parts 1/3"),
            lock_partitions(tmp_path, Partitions.share("1/6")),
        ):
            pass
        with pytest.raises(UsageError), lock_partitions(tmp_path):
            pass
        with lock_partitions(tmp_path, Partitions.share("3/3")):
            pass
    with (
        lock_partitions(tmp_path),
        pytest.raises(UsageError),
        lock_partitions(tmp_path, Partitions.share("3/3")),
    ):
        pass


def test_another_live_process_is_respected_however_old_its_beat(tmp_path: Path) -> None:
    path = write_lock(tmp_path, pid=os.getppid(), age_s=9999)
    with pytest.raises(UsageError, match=r"--out.*remove .*x\.json"), lock_partitions(tmp_path):
        pass
    assert path.exists()


def test_a_dead_process_of_this_host_is_inherited_at_once(tmp_path: Path) -> None:
    write_lock(tmp_path, pid=dead_pid())
    write_lock(tmp_path, pid=dead_pid(), name="locks.turn")
    write_lock(tmp_path, pid=dead_pid(), name="locks.claim")
    began = time.monotonic()
    with lock_partitions(tmp_path):
        assert time.monotonic() - began < 5
        (path,) = locks(tmp_path)
        assert json.loads(path.read_text())["pid"] == os.getpid()
    assert locks(tmp_path) == []


def test_a_dead_process_whose_number_was_given_away_is_inherited_at_once(tmp_path: Path) -> None:
    write_lock(tmp_path, pid=os.getppid(), started="1")
    with lock_partitions(tmp_path):
        assert len(locks(tmp_path)) == 1


def test_a_process_that_ended_unheard_of_is_inherited_at_once(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    deadline = time.monotonic() + 10
    while lock._stat(process.pid, 0) != "Z" and time.monotonic() < deadline:
        time.sleep(0.01)
    write_lock(tmp_path, pid=process.pid)
    with lock_partitions(tmp_path):
        assert len(locks(tmp_path)) == 1
    process.wait()


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("far", [{"host": "elsewhere"}, {"machine": "another container"}])
def test_one_that_cannot_be_looked_up_is_waited_for(tmp_path: Path, far: dict[str, str]) -> None:
    write_lock(tmp_path, pid=dead_pid(), **far)
    said: list[str] = []
    began = time.monotonic()
    with lock_partitions(tmp_path, note=said.append):
        assert time.monotonic() - began > 1
    (words,) = said
    assert "still lives" in words


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("age_s", [-9999.0, 9999.0])
def test_of_a_far_one_no_clock_but_ours_is_trusted(tmp_path: Path, age_s: float) -> None:
    write_lock(tmp_path, pid=1, host="elsewhere", age_s=age_s)
    began = time.monotonic()
    with lock_partitions(tmp_path):
        assert 1 < time.monotonic() - began < 10


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("far", [{"host": "elsewhere"}, {"machine": "another container"}])
def test_one_whose_heart_beats_is_respected_wherever_it_lives(
    tmp_path: Path, far: dict[str, str]
) -> None:
    path = write_lock(tmp_path, pid=dead_pid(), **far)
    with (
        beating(path),
        pytest.raises(UsageError, match="in use by process"),
        lock_partitions(tmp_path),
    ):
        pass
    assert path.exists()


@pytest.mark.usefixtures("quick")
def test_a_process_that_is_hidden_from_us_is_judged_by_its_heart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_lock(tmp_path, pid=os.getppid())
    monkeypatch.setattr(lock, "_stat", lambda pid, field: "")
    with (
        beating(path),
        pytest.raises(UsageError, match="in use by process"),
        lock_partitions(tmp_path),
    ):
        pass
    with lock_partitions(tmp_path):
        assert not path.exists()


def test_a_far_turn_is_taken_when_its_heart_stands_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "STALE_S", 1.0)
    path = write_lock(tmp_path, pid=1, host="elsewhere", name="lines.turn", age_s=9999)
    began = time.monotonic()
    taken: list[float] = []

    def come() -> None:
        with mutex(tmp_path, "lines"):
            taken.append(time.monotonic() - began)

    newcomer = threading.Thread(target=come)
    with beating(path, ago_s=9999):
        newcomer.start()
        newcomer.join(1.5)
        assert not taken
    newcomer.join(10)
    assert taken
    assert taken[0] > 2


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("text", ["", '{"pid": 1', "\x00\x00", "[]"])
def test_a_lock_cut_off_by_a_crash_is_free_after_a_beat(tmp_path: Path, text: str) -> None:
    path = write_lock(tmp_path, pid=1)
    path.write_text(text)
    began = time.monotonic()
    with lock_partitions(tmp_path):
        assert time.monotonic() - began > 0.3


def test_the_heart_beats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "HEARTBEAT_S", 0.02)
    with lock_partitions(tmp_path):
        (path,) = locks(tmp_path)
        os.utime(path, (0, 0))
        deadline = time.monotonic() + 5
        while path.stat().st_mtime == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert path.stat().st_mtime > 0


@pytest.mark.parametrize("ctrl_c", [signal.default_int_handler, signal.SIG_IGN])
@pytest.mark.parametrize("what", ["*.json", "lines.turn"])
def test_a_run_whose_lock_is_taken_stops_and_leaves_it_to_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, ctrl_c: signal.Handlers
) -> None:
    monkeypatch.setattr(lock, "HEARTBEAT_S", 0.05)
    began = time.monotonic()

    def sleep_and_lose() -> None:
        with lock_partitions(tmp_path), mutex(tmp_path, "lines"):
            lose(next((tmp_path / ".locks").glob(what)))
            time.sleep(30)

    before = signal.signal(
        signal.SIGINT, ctrl_c
    )  # As a shell does for what runs in the background.
    try:
        with pytest.raises(UsageError, match="took over"):
            sleep_and_lose()
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - began < 10
    (left,) = locks(tmp_path)
    assert json.loads(left.read_text())["token"] == "of another"
    assert signal.getsignal(lock._STOP) is signal.SIG_DFL


def test_ctrl_c_is_no_lost_lock(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # A shell may ignore Ctrl-C.
    try:
        with pytest.raises(KeyboardInterrupt), lock_partitions(tmp_path), mutex(tmp_path, "lines"):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert locks(tmp_path) == []


def test_a_thread_that_lost_its_turn_learns_it_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "HEARTBEAT_S", 0.05)
    told: list[str] = []

    def lose_and_go_on() -> None:
        try:
            with mutex(tmp_path, "lines"):
                lose(tmp_path / ".locks" / "lines.turn")
                time.sleep(0.3)
                told.append("through")
        except UsageError as err:
            told.append(str(err))

    with lock_partitions(tmp_path):
        thread = threading.Thread(target=lose_and_go_on)
        thread.start()
        thread.join()
    assert told[0] == "through"
    assert "lines.turn was removed" in told[1]


def test_a_full_disk_leaves_no_turn_that_others_wait_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("ophvl.lock.json.dump", full)
        with pytest.raises(OSError, match="No space"), mutex(tmp_path, "lines"):
            pass
    assert locks(tmp_path) == []


def test_whom_a_turn_waits_for_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "_NOTE_AFTER_S", 0.1)
    path = write_lock(tmp_path, pid=os.getppid(), name="lines.turn")
    said: list[str] = []

    def tell(words: str) -> None:
        said.append(words)
        path.unlink()

    with mutex(tmp_path, "lines", tell):
        pass
    (words,) = said
    assert words.startswith(
        f"waiting for process {os.getppid()} on {socket.gethostname()}, which has"
    )


def test_of_many_newcomers_one_inherits(tmp_path: Path) -> None:
    write_lock(tmp_path, pid=dead_pid())
    start, done = threading.Barrier(8), threading.Event()
    won: list[int] = []
    refused: list[str] = []

    def come(number: int) -> None:
        start.wait()
        try:
            with lock_partitions(tmp_path):
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
    write_lock(tmp_path, pid=dead_pid(), name="lines.turn")
    inside: list[str] = []

    def come(number: int) -> None:
        for _ in range(3):
            with mutex(tmp_path, "lines"):
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
