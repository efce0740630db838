"""Put faults of the machine into words: disks, files, limits, and packages that are not installed.

Such a fault is no bug. A command that meets one ends with exit code 2, says what and where, and what to do.
"""

from __future__ import annotations

import errno
import os
import re
from importlib import metadata

_AGAIN = "then run the same command again"
_ADVICE = {
    errno.ENOSPC: f"the disk is full; finished work is saved. Make room, {_AGAIN}",
    errno.EDQUOT: f"the disk quota is used up; finished work is saved. Make room, {_AGAIN}",
    errno.EROFS: "the disk is read-only; name another folder, or mount it for writing",
    errno.EACCES: "permission denied; change the rights, or name another place",
    errno.EPERM: "the operation is not permitted; change the rights, or name another place",
    errno.ENOENT: "there is no such file or folder; check the path",
    errno.EEXIST: "it exists already; remove it, or name another place",
    errno.ENOTDIR: "a part of the path is a file, not a folder; check the path",
    errno.EISDIR: "it is a folder, not a file; check the path",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.ELOOP: "links lead round in a circle; check the path",
    errno.EMFILE: f"too many files are open; raise the limit (ulimit -n), {_AGAIN}",
    errno.ENFILE: f"this machine has too many open files; close some programs, {_AGAIN}",
    errno.EIO: f"the disk reports an input/output error; check it, {_AGAIN}",
    errno.ESTALE: f"the file server lost the file; mount it anew, {_AGAIN}",
}
"""What a system's error means, and what to do."""

_IMPORT_NAMES = {
    "ahocorasick": "pyahocorasick",
    "cv2": "opencv-python-headless",
    "ffmpeg": "ffmpeg-python",
    "PIL": "pillow",
    "piper": "piper-tts",
    "whisper": "openai-whisper",
}
"""Packages whose import name is not that of their distribution."""

_REQUIREMENT = re.compile(r"""([\w.-]+)[^;]*;.*\bextra\s*==\s*["']([\w-]+)["']""")


def explain(fault: OSError | ModuleNotFoundError) -> str | None:
    """Return a fault of the machine in words; None for a module of ours, or one that we do not require.

    Args:
        fault: what Python raised. Of an `OSError` the number of the system's error decides.
    """
    if isinstance(fault, ModuleNotFoundError):
        return _missing_package((fault.name or "").partition(".")[0])
    advice = _ADVICE.get(fault.errno or 0)
    if advice is None:
        reason = fault.strerror or str(fault) or type(fault).__name__
        advice = f"{reason}; mend this, {_AGAIN}"
    if isinstance(fault.filename, str | bytes):  # Else none, or the number of an open file.
        return f"{os.fsdecode(fault.filename)}: {advice}"
    return advice


def _missing_package(module: str) -> str | None:
    """Say which extra of ours installs a module."""
    distribution = _IMPORT_NAMES.get(module, module.replace("_", "-")).lower()
    for requirement in metadata.requires("ophvl") or []:
        match = _REQUIREMENT.match(requirement)
        if match and match[1].lower() == distribution:
            return f"the package {distribution} is not installed; pip install 'ophvl[{match[2]}]'"
    return None
