"""Who may write in a dataset folder, also on file systems without advisory locks.

    .locks/<token>.json    a run: its process, its host, and the parts that it writes
    .locks/<name>.turn     something that one run does at a time, such as expanding the source list

A run holds the parts that it writes (`locked`), so that the jobs of an array share one folder. Its
heart beats as long as it lives. A lock is taken at once from a dead process whose number can be looked up
here, and from any other, on another host or in another container, when a newcomer has watched its heart
stand still for `STALE_S`. Who loses a lock all the same, say while the machine slept, stops.
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
"""A lock that has not beaten for so long belongs to a dead process, where that cannot be looked up."""

SETTINGS = "settings"
"""The turn of who changes what all jobs of an array share: models.json, the lists, config.toml."""

_STOP = signal.SIGURG
"""Breaks off what the main thread does, also a wait, and also where a shell had Ctrl-C ignored.

Where nobody listens, nothing happens at this signal: one that comes late does no harm.
"""

_FOLDER = ".locks"
_LOOK_S = 0.05
_LOOK_AGAIN_S = 1.0
_TELL_S = 5.0

Holder = dict[str, object]
"""What a lock says of the process that holds it."""


@contextmanager
def locked(
    root: Path, parts: Partitions = ALL_PARTITIONS, note: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Hold `parts` of the dataset folder `root`; take them over from a dead process.

    Where only its heart can tell whether a holder lives, that is waited for.

    Args:
        note: told what is waited for.

    Raises:
        UsageError: a live process holds one of them, or took ours over (see `_held`).
    """
    try:
        (root / _FOLDER).mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise UsageError(
            f"{root} cannot be a dataset folder: {err.strerror}; name another with --out"
        ) from err
    path = root / _FOLDER / f"{uuid.uuid4().hex}.json"
    holder = {**_self(), "parts": parts.name}
    watch = _Watch()
    while True:
        with turn(root, "locks", note):
            others = sorted(path.parent.glob("*.json"))
            barring = [other for other in others if _bars(root, other, parts, watch)]
            if not barring:
                write_text(path, json.dumps(holder))
                break
        if note:
            whom = ", ".join(_name(_holder(other)) for other in barring)
            note(f"waiting up to {STALE_S:.0f} s to see whether {whom} still lives")
            note = None
        time.sleep(_LOOK_AGAIN_S)
    with _held(root, path, holder):
        yield


@contextmanager
def turn(root: Path, name: str, note: Callable[[str], None] | None = None) -> Iterator[None]:
    """Wait until no other run does what `name` stands for in the dataset folder, then do it.

    Args:
        note: told whom it waits for, if that takes seconds.

    Raises:
        UsageError: another process took it over meanwhile (see `_held`).
    """
    path = root / _FOLDER / f"{name}.turn"
    path.parent.mkdir(parents=True, exist_ok=True)
    holder = _self()
    watch = _Watch()
    asked = time.monotonic()
    while True:
        try:
            _create(path, holder)
            break
        except FileExistsError:
            _take_from_the_dead(path, watch)
            time.sleep(_LOOK_S)
            if note and time.monotonic() - asked > _TELL_S:
                note(f"waiting for {_name(_holder(path))}, which has the turn '{name}' in {root}")
                note = None
    with _held(root, path, holder):
        yield


def _create(path: Path, holder: Holder) -> None:
    """Make a lock that nobody else has; FileExistsError tells that somebody does."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(holder, file)
    except BaseException:  # Such as a full disk: others would wait for a lock that names nobody.
        path.unlink(missing_ok=True)
        raise


class _LostError(BaseException):
    """A lock of the main thread was taken over. No `except Exception` may take it for its own."""


@contextmanager
def _held(root: Path, path: Path, holder: Holder) -> Iterator[None]:
    """Keep a lock alive, and remove it at the end.

    Raises:
        UsageError: another process took it over. The main thread learns it at the next beat, whatever it
            does; another, which cannot be stopped, at the end.
    """
    stop, lost = threading.Event(), threading.Event()
    on_main = threading.current_thread() is threading.main_thread()
    heart = threading.Thread(target=_beat, args=(path, holder, stop, lost, on_main), daemon=True)
    before = signal.signal(_STOP, _raise_lost) if on_main else None
    try:
        heart.start()
        try:
            yield
        finally:
            stop.set()
            heart.join()
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
            "what was finished is kept. See that no other run is at it, then run the same command again"
        )


def _raise_lost(*_: object) -> None:
    raise _LostError


def _beat(
    path: Path, holder: Holder, stop: threading.Event, lost: threading.Event, on_main: bool
) -> None:
    while not stop.wait(HEARTBEAT_S):
        with suppress(OSError):  # A file server that does not answer for once.
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
    """Where process numbers mean the same: one start of one machine, and one container on it."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _started(pid: int) -> str:
    """When a process started, in ticks of the machine; empty where there is no telling."""
    return _stat(pid, 19)


def _stat(pid: int, field: int) -> str:
    """What the kernel says of a process, by the number of the field after its name."""
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


def _bars(root: Path, other: Path, parts: Partitions, watch: _Watch) -> bool:
    """Whether to wait for a lock; remove it if its holder is dead, raise if it lives."""
    holder = _holder(other)
    if holder is None:
        return False
    lives = watch.lives(other, holder)
    if lives is False:
        other.unlink(missing_ok=True)
        return False
    held = Partitions.share(str(holder.get("parts", ALL_PARTITIONS.name)))
    if not held & parts:
        return False
    if lives is None:
        return True
    raise UsageError(
        f"{root} is in use by {_name(holder)} (parts {held.name}); wait until it ends, or choose another "
        f"folder with --out. If no such process lives, remove {other}"
    )


def _take_from_the_dead(path: Path, watch: _Watch) -> None:
    """Remove a turn whose holder is dead; of several newcomers one does so."""
    if not _is_dead(path, watch):
        return
    claim = path.with_suffix(".claim")
    try:
        _create(claim, _self())
    except FileExistsError:
        if _is_dead(claim, watch):  # Else another newcomer is at it.
            claim.unlink(missing_ok=True)
        return
    try:
        # Judged again: by now it may be the turn of a newcomer who was faster.
        if _is_dead(path, watch):
            path.unlink(missing_ok=True)
    finally:
        claim.unlink(missing_ok=True)


def _holder(path: Path) -> Holder | None:
    """What a lock says of its holder; None when it is gone, empty when it is cut off."""
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except json.JSONDecodeError:
        return {}  # Being written, or cut off by a crash: only time tells.
    return found if isinstance(found, dict) else {}


def _is_dead(path: Path, watch: _Watch) -> bool:
    holder = _holder(path)
    return holder is not None and watch.lives(path, holder) is False


class _Watch:
    """Tells the living from the dead, at one look after another.

    Where a number tells nothing, the heart does, by our own clock: those of other machines and of file
    servers may be minutes off.
    """

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[tuple[object, int], float]] = {}

    def lives(self, path: Path, holder: Holder) -> bool | None:
        """Whether the holder of a lock lives; None as long as there is no telling."""
        lives = _lives(holder)
        if lives is not None:
            return lives
        try:
            mark = (holder.get("token"), path.stat().st_mtime_ns)
        except FileNotFoundError:
            return None
        now_s = time.monotonic()
        before, since_s = self._seen.setdefault(path, (mark, now_s))
        if mark == before:
            still_s = STALE_S if holder.get("host") else HEARTBEAT_S
            return False if now_s - since_s > still_s else None
        self._seen[path] = (mark, now_s)
        return True if mark[0] == before[0] else None


def _lives(holder: Holder) -> bool | None:
    """Whether a process lives, by its number; None where that tells nothing.

    It must have been given on this machine, since that started, and in this container.
    """
    pid = holder.get("pid")
    is_near = holder.get("host") == socket.gethostname() and holder.get("machine") == _machine()
    if not is_near or not isinstance(pid, int):
        return None
    if not _alive(pid):
        return False
    # The number of one that died may have been given to another process.
    started = _started(pid)
    if started == holder.get("started"):
        return True
    return False if started else None  # Hidden from us, as other users' processes may be.


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    # One that ended keeps its number until its parent has heard of it, which may be never.
    return _stat(pid, 0) not in ("Z", "X")
