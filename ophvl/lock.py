"""Locks of a dataset folder. They work on file systems without advisory locks.

    .locks/<token>.json    a run: its process, its host, and the partitions that it writes
    .locks/<name>.turn     a mutex: something that one run does at a time, such as expanding the source list

A run locks the partitions that it writes (`lock_partitions`): the jobs of an array share one folder. It
renews its lock every `HEARTBEAT_S`. A lock of a dead process on the same machine is removed at once. A lock
from another host or container is removed when nobody has renewed it for `STALE_S`. A process that loses its
lock, for example while the machine slept, stops.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ophvl.atomic_io import write_text
from ophvl.errors import UsageError
from ophvl.partitions import ALL_PARTITIONS, Partitions

HEARTBEAT_S = 10.0
STALE_S = 120.0
"""A lock that was not renewed for so long belongs to a dead process, if its process cannot be looked up."""

SETTINGS = "settings"
"""Name of the mutex for files that all jobs of an array share: models.json, the block lists, config.toml."""

_STOP = signal.SIGURG
"""The signal that interrupts the main thread, also while it sleeps, and where a shell ignores Ctrl-C.

Its default action is to do nothing, so a late signal does no harm.
"""

_FOLDER = ".locks"
_POLL_S = 0.05
_POLL_HOLDER_S = 1.0
_NOTE_AFTER_S = 5.0

Holder = dict[str, object]
"""Content of a lock file: the process that holds the lock."""


@contextmanager
def lock_partitions(
    root: Path, partitions: Partitions = ALL_PARTITIONS, note: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Lock `partitions` of the dataset folder `root` for the length of a block.

    Locks of dead processes are removed. Where only renewals tell whether a holder is alive, wait for them.

    Args:
        note: called with a message while waiting.

    Raises:
        UsageError: a live process holds one of them, or another process took over our lock (see `_held`).
    """
    try:
        (root / _FOLDER).mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise UsageError(
            f"{root} cannot be a dataset folder: {err.strerror}; name another with --out"
        ) from err
    path = root / _FOLDER / f"{uuid.uuid4().hex}.json"
    holder = {**_self(), "parts": partitions.name}
    watch = _Watch()
    while True:
        with mutex(root, "locks", note):
            others = sorted(path.parent.glob("*.json"))
            barring = [other for other in others if _bars(root, other, partitions, watch)]
            if not barring:
                write_text(path, json.dumps(holder))
                break
        if note:
            whom = ", ".join(_name(_holder(other)) for other in barring)
            note(f"waiting up to {STALE_S:.0f} s to see whether {whom} still lives")
            note = None
        time.sleep(_POLL_HOLDER_S)
    with _held(root, path, holder):
        yield


@contextmanager
def mutex(root: Path, name: str, note: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold the mutex `name` of the dataset folder for the length of a block; wait until it is free.

    Args:
        note: called with a message that names the holder, if the wait takes seconds.

    Raises:
        UsageError: another process took over the mutex meanwhile (see `_held`).
    """
    path = root / _FOLDER / f"{name}.turn"
    path.parent.mkdir(parents=True, exist_ok=True)
    holder = _self()
    watch = _Watch()
    started_s = time.monotonic()
    while True:
        try:
            _create(path, holder)
            break
        except FileExistsError:
            _remove_if_dead(path, watch)
            time.sleep(_POLL_S)
            if note and time.monotonic() - started_s > _NOTE_AFTER_S:
                note(f"waiting for {_name(_holder(path))}, which has the mutex '{name}' in {root}")
                note = None
    with _held(root, path, holder):
        yield


def _create(path: Path, holder: Holder) -> None:
    """Create a lock file.

    Raises:
        FileExistsError: another process holds the lock.
    """
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(holder, file)
    except BaseException:  # Such as a full disk: others would wait for a lock without a holder.
        path.unlink(missing_ok=True)
        raise


class _LostError(BaseException):
    """A lock of the main thread was taken over. A BaseException, so that no `except Exception` catches it."""


@contextmanager
def _held(root: Path, path: Path, holder: Holder) -> Iterator[None]:
    """Renew a lock for the length of a block, and remove it at the end.

    Raises:
        UsageError: another process took it over. The main thread is interrupted at the next renewal; any
            other thread, which cannot be interrupted, gets the error at the end.
    """
    stop, lost = threading.Event(), threading.Event()
    on_main = threading.current_thread() is threading.main_thread()
    renewal = threading.Thread(target=_renew, args=(path, holder, stop, lost, on_main), daemon=True)
    before = signal.signal(_STOP, _raise_lost) if on_main else None
    try:
        renewal.start()
        try:
            yield
        finally:
            stop.set()
            renewal.join()
            if _is_ours(path, holder):
                path.unlink(missing_ok=True)
            else:
                lost.set()
    except _LostError:
        if not lost.is_set():
            raise  # Another lock of this thread, around this one.
    finally:
        if on_main:
            signal.signal(_STOP, before or signal.SIG_DFL)
    if lost.is_set():
        raise UsageError(
            f"another process took over {root} while this one did not answer, or {path} was removed; "
            "finished work is saved. Check that no other run uses the folder, then repeat the command"
        )


def _raise_lost(*_: object) -> None:
    raise _LostError


def _renew(
    path: Path, holder: Holder, stop: threading.Event, lost: threading.Event, on_main: bool
) -> None:
    while not stop.wait(HEARTBEAT_S):
        with suppress(OSError):  # A file server may fail to answer once.
            if _is_ours(path, holder):
                os.utime(path)
            else:
                lost.set()
                if on_main:
                    signal.pthread_kill(threading.main_thread().ident or 0, _STOP)
                return


def _self() -> Holder:
    pid = os.getpid()
    return {
        "token": uuid.uuid4().hex,
        "pid": pid,
        "host": socket.gethostname(),
        "machine": _machine(),
        "started": _started(pid),
    }


def _machine() -> str:
    """Return an id of the boot and the container within which process ids are unique; empty if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _started(pid: int) -> str:
    """Return when a process started, in clock ticks since boot; empty if unknown."""
    return _stat(pid, 19)


def _stat(pid: int, field: int) -> str:
    """Return a field of /proc/<pid>/stat, counted after the process name; empty if unknown."""
    try:
        # The name of a program, in parentheses, may hold blanks and parentheses.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[field]
    except OSError:
        return ""


def _name(holder: Holder | None) -> str:
    known = holder or {}
    return f"process {known.get('pid', '?')} on {known.get('host', 'an unknown host')}"


def _is_ours(path: Path, holder: Holder) -> bool:
    return (_holder(path) or {}).get("token") == holder["token"]


def _bars(root: Path, other: Path, partitions: Partitions, watch: _Watch) -> bool:
    """Tell whether to wait for a lock. Remove it if its holder is dead.

    Raises:
        UsageError: its holder is alive and has some of the partitions.
    """
    holder = _holder(other)
    if holder is None:
        return False
    is_alive = watch.is_alive(other, holder)
    if is_alive is False:
        other.unlink(missing_ok=True)
        return False
    theirs = Partitions.share(str(holder.get("parts", ALL_PARTITIONS.name)))
    if not theirs & partitions:
        return False
    if is_alive is None:
        return True
    raise UsageError(
        f"{root} is in use by {_name(holder)} (parts {theirs.name}); wait until it ends, or choose another "
        f"folder with --out. If there is no such process, remove {other}"
    )


def _remove_if_dead(path: Path, watch: _Watch) -> None:
    """Remove a mutex whose holder is dead; of several processes that wait, one does so."""
    if not _is_dead(path, watch):
        return
    claim = path.with_suffix(".claim")
    try:
        _create(claim, _self())
    except FileExistsError:
        if _is_dead(claim, watch):  # Otherwise another process removes the mutex now.
            claim.unlink(missing_ok=True)
        return
    try:
        # Check again: by now another process may hold the mutex.
        if _is_dead(path, watch):
            path.unlink(missing_ok=True)
    finally:
        claim.unlink(missing_ok=True)


def _holder(path: Path) -> Holder | None:
    """Return the content of a lock file; None if there is no file, empty if it is incomplete."""
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except json.JSONDecodeError:
        return {}  # Being written, or truncated by a crash: the renewals will tell.
    return content if isinstance(content, dict) else {}


def _is_dead(path: Path, watch: _Watch) -> bool:
    holder = _holder(path)
    return holder is not None and watch.is_alive(path, holder) is False


class _Watch:
    """Tells live holders from dead ones, over repeated checks.

    Where a process id tells nothing, renewals do. They are timed by our own clock, since the clocks of other
    machines and of file servers may be minutes off.
    """

    def __init__(self) -> None:
        self._renewals: dict[Path, tuple[tuple[object, int], float]] = {}

    def is_alive(self, path: Path, holder: Holder) -> bool | None:
        """Tell whether the holder of a lock is alive; None while that is unknown."""
        is_alive = _holder_is_alive(holder)
        if is_alive is not None:
            return is_alive
        try:
            renewal = (holder.get("token"), path.stat().st_mtime_ns)
        except FileNotFoundError:
            return None
        now_s = time.monotonic()
        before, since_s = self._renewals.setdefault(path, (renewal, now_s))
        if renewal == before:
            still_s = STALE_S if holder.get("host") else HEARTBEAT_S
            return False if now_s - since_s > still_s else None
        self._renewals[path] = (renewal, now_s)
        return True if renewal[0] == before[0] else None


def _holder_is_alive(holder: Holder) -> bool | None:
    """Tell whether a process is alive by its id; None if it belongs to another machine."""
    pid = holder.get("pid")
    is_near = holder.get("host") == socket.gethostname() and holder.get("machine") == _machine()
    if not is_near or not isinstance(pid, int):
        return None
    if not _process_is_alive(pid):
        return False
    # The system may have given the id of a dead process to another one.
    started = _started(pid)
    if started == holder.get("started"):
        return True
    return False if started else None  # Hidden, as processes of other users may be.


def _process_is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    # A zombie keeps its id until its parent collects it, which may be never.
    return _stat(pid, 0) not in ("Z", "X")
