"""Who may write in a dataset folder, also on file systems without advisory locks.

    .locks/<token>.json    a run: its process, its host, and the parts that it writes
    .locks/<name>.turn     something that one run does at a time, such as expanding the source list

A run holds the parts that it writes (`locked`), so that the jobs of an array share one folder. Its
heart beats as long as it lives; a lock is taken at once from a dead process on the same host, and from
one on another host when its heart has stood still for `STALE_S`.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ophvl.atomic import write_text
from ophvl.errors import UsageError
from ophvl.parts import ALL_PARTS, Parts

HEARTBEAT_S = 10.0
STALE_S = 120.0
"""A lock of another host that has not beaten for so long belongs to a dead process."""

_FOLDER = ".locks"
_LOOK_S = 0.05


@contextmanager
def locked(root: Path, parts: Parts = ALL_PARTS) -> Iterator[None]:
    """Hold `parts` of the dataset folder `root`; take them over at once from a dead process.

    Raises:
        UsageError: a live process holds one of them.
    """
    try:
        (root / _FOLDER).mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise UsageError(
            f"{root} cannot be a dataset folder: {err.strerror}; name another with --out"
        ) from err
    path = root / _FOLDER / f"{uuid.uuid4().hex}.json"
    with turn(root, "locks"):
        for other in sorted(path.parent.glob("*.json")):
            _make_way(root, other, parts)
        write_text(path, json.dumps({**_self(), "parts": parts.name}))
    with _beating(path):
        yield


@contextmanager
def turn(root: Path, name: str) -> Iterator[None]:
    """Wait until no other run does what `name` stands for in the dataset folder, then do it."""
    path = root / _FOLDER / f"{name}.turn"
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            break
        except FileExistsError:
            _take_from_the_dead(path)
            time.sleep(_LOOK_S)
    with os.fdopen(descriptor, "w") as file:
        json.dump(_self(), file)
    with _beating(path):
        yield


@contextmanager
def _beating(path: Path) -> Iterator[None]:
    """Keep a lock alive, and remove it at the end."""
    stop = threading.Event()
    heart = threading.Thread(target=_beat, args=(path, stop), daemon=True)
    heart.start()
    try:
        yield
    finally:
        stop.set()
        heart.join()
        path.unlink(missing_ok=True)


def _beat(path: Path, stop: threading.Event) -> None:
    while not stop.wait(HEARTBEAT_S):
        with suppress(FileNotFoundError):
            os.utime(path)


def _self() -> dict[str, object]:
    return {"pid": os.getpid(), "host": socket.gethostname(), "thread": threading.get_ident()}


def _make_way(root: Path, other: Path, parts: Parts) -> None:
    """Remove a lock whose holder is dead; raise if it lives and holds parts that are wanted."""
    holder = _holder(other)
    if holder is None:
        return
    if _is_dead(other, holder):
        other.unlink(missing_ok=True)
        return
    held = Parts.share(str(holder.get("parts", ALL_PARTS.name)))
    if held & parts:
        raise UsageError(
            f"{root} is in use by process {holder.get('pid')} on {holder.get('host')} (parts "
            f"{held.name}); wait until it ends, or choose another folder with --out. If no such process "
            f"lives, remove {other}"
        )


def _take_from_the_dead(path: Path) -> None:
    """Remove a turn whose holder is dead; of several newcomers one does so."""
    holder = _holder(path)
    if holder is None or not _is_dead(path, holder):
        return
    claim = path.with_suffix(".claim")
    try:
        os.close(os.open(claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        with suppress(FileNotFoundError):  # Another newcomer is at it, unless it died at that.
            if time.time() - claim.stat().st_mtime > HEARTBEAT_S:
                claim.unlink()
        return
    try:
        # Judged again: by now it may be the turn of a newcomer who was faster.
        holder = _holder(path)
        if holder is not None and _is_dead(path, holder):
            path.unlink()
    finally:
        claim.unlink(missing_ok=True)


def _holder(path: Path) -> dict[str, object] | None:
    """What a lock says of its holder; None when it is gone, empty when it is cut off."""
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except json.JSONDecodeError:
        return {}  # Being written, or cut off by a crash: judged by age alone.
    return found if isinstance(found, dict) else {}


def _is_dead(path: Path, holder: dict[str, object]) -> bool:
    host, pid = holder.get("host"), holder.get("pid")
    if host == socket.gethostname() and isinstance(pid, int) and pid != os.getpid():
        return not _alive(pid)
    # In a container that starts anew, this process often has the number of the one that died.
    with suppress(FileNotFoundError):
        return time.time() - path.stat().st_mtime > (STALE_S if host else HEARTBEAT_S)
    return False


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
