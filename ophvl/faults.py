"""Put faults of the machine into words: disks, files, limits, and packages that are not installed.

Such a fault is no bug. A command that meets one ends with exit code 2, says what and where, and what to do:
`errors_in_words` is how the command lines of both packages end. Functions that open a file name it with
`naming` or `reading`, where the system or a library does not.
"""

from __future__ import annotations

import errno
import os
import re
import select
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ophvl.errors import DamagedFileError, UsageError
from ophvl.extras import DISTRIBUTION, requirement_of

_AGAIN = "then run the same command again"
_CONNECTION = f"check the connection and the address, {_AGAIN}"
_DISK = f"check the disk or the file server, {_AGAIN}"
_ADVICE = {
    errno.ENOSPC: f"the disk is full; finished work is saved. Make room, {_AGAIN}",
    errno.EDQUOT: f"the disk quota is used up; finished work is saved. Make room, {_AGAIN}",
    errno.EFBIG: f"the file is larger than a limit allows; raise that (ulimit -f), {_AGAIN}",
    errno.EROFS: "the disk is read-only; name another folder, or mount it for writing",
    errno.EACCES: "permission denied; change the rights, or name another place",
    errno.EPERM: "the operation is not permitted; change the rights, or name another place",
    errno.ENOENT: "there is no such file or folder; check the path",
    errno.EEXIST: "it exists already; remove it, or name another place",
    errno.ENOTEMPTY: "it is a folder that is not empty; remove it, or name another place",
    errno.ENOTDIR: "a part of the path is a file, not a folder; check the path",
    errno.EISDIR: "it is a folder, not a file; check the path",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.ELOOP: "links lead round in a circle; check the path",
    errno.EMFILE: f"too many files are open; raise the limit (ulimit -n), {_AGAIN}",
    errno.ENFILE: f"this machine has too many open files; close some programs, {_AGAIN}",
    errno.EIO: f"the disk reports an input/output error; check it, {_AGAIN}",
    errno.ENODEV: f"the device does not read this; {_DISK}",
    errno.ENXIO: f"there is no such device; {_DISK}",
    errno.ESTALE: f"the file server lost the file; mount it anew, {_AGAIN}",
    errno.EBUSY: f"another program uses it; close that, {_AGAIN}",
    errno.ENOMEM: f"there is no memory left; close programs or use fewer workers, {_AGAIN}",
    errno.EAGAIN: f"there are too many processes; close programs or use fewer workers, {_AGAIN}",
    errno.EPIPE: f"a program that was written to has ended; look for its message, {_AGAIN}",
    errno.ECONNREFUSED: f"the connection was refused; {_CONNECTION}",
    errno.ECONNRESET: f"the connection was broken; {_CONNECTION}",
    errno.EHOSTUNREACH: f"the host is not reached; {_CONNECTION}",
    errno.ENETUNREACH: f"the network is not reached; {_CONNECTION}",
    errno.ETIMEDOUT: f"there was no answer in time; {_CONNECTION}",
}
"""What a system's error means, and what to do."""

_CODES: dict[type[OSError], int] = {
    FileNotFoundError: errno.ENOENT,
    FileExistsError: errno.EEXIST,
    NotADirectoryError: errno.ENOTDIR,
    IsADirectoryError: errno.EISDIR,
    PermissionError: errno.EACCES,
    ConnectionError: errno.ECONNRESET,
    TimeoutError: errno.ETIMEDOUT,
}
"""The codes of errors that libraries raise with a text alone."""
_RUST_CODE = re.compile(r"\(os error (\d+)\)")
"""How libraries written in Rust, such as safetensors, give the system's error."""
_PATH = re.compile(r"(?:^|: |['\"])(?P<path>/[^'\"]+)(?:['\"]|$)")
"""How Arrow and libraries written in Rust name a file in their messages."""
_DAMAGE = (
    ValueError,  # Of JSON and text, and most errors of Arrow.
    KeyError,
    TypeError,
    EOFError,
    RuntimeError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What parsers raise about the content of a file."""
_LONGEST_REASON = 300


@contextmanager
def errors_in_words(*known: type[Exception], extra: str) -> Iterator[None]:
    """Run a command line: end with a message instead of a traceback for what is no bug.

    Args:
        known: errors whose own text is the message.
        extra: the extra to name if a package is missing that several bring.
    """
    try:
        yield
    except SystemExit as stop:
        # typer ends without a word for any pipe; that is right only if nobody reads the output any more.
        if not isinstance(stop.__context__, BrokenPipeError) or _is_output_closed():
            raise
        sys.stderr.write(f"error: {explain(stop.__context__)}\n")
        raise SystemExit(UsageError.exit_code) from stop
    except Exception as err:
        words = str(err) if isinstance(err, known) else explain(err, extra)
        if words is None:
            raise
        if _is_output_broken() and isinstance(err, OSError):
            words = f"cannot write the output: {remedy(err)}"
        with suppress(OSError):  # Standard error may be as broken as what it tells of.
            sys.stderr.write(f"error: {words}\n")
        raise SystemExit(getattr(err, "exit_code", UsageError.exit_code)) from err


def explain(fault: Exception, extra: str = "curate") -> str | None:
    """Return a fault of the machine in words; None for a bug, or a module that we do not require.

    Args:
        fault: what was raised. Of an `OSError` the number of the system's error decides.
        extra: the extra to name if a package is missing that several install.
    """
    if isinstance(fault, ModuleNotFoundError):
        return _missing_package(fault, extra)
    error = system_error(fault)
    if error is None:
        return None
    if isinstance(error.filename, str | bytes):  # Else none, or the number of an open file.
        return f"{os.fsdecode(error.filename)}: {remedy(error)}"
    return remedy(error)


def remedy(error: OSError) -> str:
    """Return in words what the system refused, and what to do."""
    reason = error.strerror or str(error) or type(error).__name__
    return _ADVICE.get(error.errno or 0, f"{reason}; mend this, {_AGAIN}")


def _missing_package(fault: ModuleNotFoundError, preferred: str) -> str | None:
    """Say which extra of ours installs a module."""
    module = (fault.name or "").partition(".")[0]
    found = requirement_of(module, preferred)
    if found is None:
        return None
    package, extra = found
    return f"the package {package} is not installed; pip install '{DISTRIBUTION}[{extra}]'"


def system_error(error: BaseException) -> OSError | None:
    """Return an error with the system's code, also if a library gave the code in words alone; else None."""
    text = str(error)
    code = error.errno if isinstance(error, OSError) else None
    if code is not None and not code > 0:  # A name that no server resolves has a negative code.
        code = errno.EHOSTUNREACH
    if rust := _RUST_CODE.search(text):
        code = int(rust[1])
    elif code is None and isinstance(error, OSError):
        code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), None)
    elif isinstance(error, RuntimeError) and text.startswith("Symlink loop from"):
        code = errno.ELOOP  # Of `Path.resolve`, before Python 3.13.
    elif isinstance(error, ImportError) and os.strerror(errno.EMFILE) in text:
        code = errno.EMFILE  # The loader of shared libraries gives its reason in words.
    if code is None:
        return error if isinstance(error, OSError) else None
    named = _PATH.search(text)
    path = getattr(error, "filename", None)
    if not isinstance(path, str | bytes):  # None, or the number of an open file.
        path = named["path"] if named else None
    return OSError(code, os.strerror(code), *([path] if path else []))


def _with_path(fault: OSError, path: str) -> OSError:
    return OSError(fault.errno, fault.strerror, path)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put `path` into an error of the system within that names no file, such as that of a full disk."""
    try:
        yield
    except OSError as err:
        named = isinstance(err.filename, str | bytes) or _PATH.search(str(err))
        if err.errno is not None and not named:
            err.filename = str(path)
        raise
    except Exception as err:
        if (fault := system_error(err)) is None or isinstance(err, ImportError):
            raise
        raise _with_path(fault, fault.filename or str(path)) from err


@contextmanager
def reading(path: Path, mend: str) -> Iterator[None]:
    """Name `path` in errors of reading it, and tell in words if its content is damaged.

    Args:
        mend: what to do about a damaged file.

    Raises:
        DamagedFileError: it is cut short or changed.
    """
    try:
        with naming(path):
            yield
    except OSError as err:
        fault = system_error(err)
        if fault is not None and fault.errno is not None:
            raise
        # Without a code of the system it is a library's word on the content.
        raise DamagedFileError(str(path), _first_line(err), mend) from err
    except _DAMAGE as err:
        raise DamagedFileError(str(path), _first_line(err), mend) from err


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:_LONGEST_REASON]


def _is_output_closed() -> bool:
    """Return whether the reader of standard output has gone."""
    try:
        poll = select.poll()
        poll.register(sys.__stdout__.fileno() if sys.__stdout__ else 1, select.POLLOUT)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
    except (OSError, ValueError):
        return True


def _is_output_broken() -> bool:
    """Return whether standard output takes no more; what it holds is then dropped.

    It must not fail again when Python flushes it at the end.
    """
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False
