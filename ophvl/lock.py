"""One writer at a time in a dataset folder, also on file systems without advisory locks."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ophvl.errors import UsageError

HEARTBEAT_S = 10.0
STALE_S = 120.0
"""A lock of another host that has not beaten for so long belongs to a dead process."""


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold the lock of the dataset folder `root`; take it over at once from a dead process.

    Raises:
        UsageError: a live process holds it.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise UsageError(
            f"{root} cannot be a dataset folder: {err.strerror}; name another with --out"
        ) from err
    path = root / ".lock"
    while True:
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            break
        except FileExistsError:
            _take_from_the_dead(path)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"pid": os.getpid(), "host": socket.gethostname()}, file)
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


def _take_from_the_dead(path: Path) -> None:
    """Remove the lock if its holder is dead; else raise."""
    if not _is_of_the_dead(path):
        return
    claim = path.with_name(".lock-claim")
    try:
        os.close(os.open(claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        with suppress(FileNotFoundError):  # Another newcomer inherits, unless it died at that.
            if time.time() - claim.stat().st_mtime > HEARTBEAT_S:
                claim.unlink()
        time.sleep(0.01)
        return
    try:
        # Judged again: by now the lock may be that of a newcomer who was faster.
        if _is_of_the_dead(path):
            path.unlink()
    finally:
        claim.unlink(missing_ok=True)


def _is_of_the_dead(path: Path) -> bool:
    """Whether there is a lock whose holder is dead; raise if its holder lives."""
    try:
        text, beaten = path.read_text(), path.stat().st_mtime
    except FileNotFoundError:
        return False
    try:
        holder = json.loads(text)
    except json.JSONDecodeError:
        holder = {}  # Being written, or cut off by a crash: judged by age alone.
    host, pid = holder.get("host"), holder.get("pid")
    # In a container that starts anew, this process often has the number of the one that died.
    if host == socket.gethostname() and isinstance(pid, int) and pid != os.getpid():
        dead = not _alive(pid)
    else:
        dead = time.time() - beaten > (STALE_S if host else HEARTBEAT_S)
    if not dead:
        raise UsageError(
            f"{path.parent} is in use by process {pid} on {host}; wait until it ends, or choose "
            f"another folder with --out. If no such process lives, remove {path}"
        )
    return True


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
