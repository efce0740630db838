"""Read a source list: one URL, file or folder a line, `#` comments, blank lines, BOM and CRLF."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from ophvl.errors import UsageError
from ophvl.ids import canonical_url, line_id
from ophvl.sources.local_files import files_below, metadata_path
from ophvl.stage import SourceLine

_NOTE_S = 5.0
"""Interval of the progress notes while a long list is read."""

_SEARCH = re.compile(r"ytsearch(date)?\d*:")
"""A search instead of an address, in the syntax of yt-dlp: `ytsearch20:phacoemulsification`."""


def is_url(text: str) -> bool:
    """Return whether a source line is on the network; else it names something on this machine."""
    return "://" in text or _SEARCH.match(text) is not None


def read_source_list(
    path: Path, note: Callable[[str], None] = lambda text: None
) -> list[SourceLine]:
    """Read the lines of a list that name something, in order; paths are relative to the list's folder.

    Args:
        note: called with progress messages while a long list is read.

    Raises:
        UsageError: the list is missing, unreadable or names nothing.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as err:
        raise UsageError(f"there is no source list {path}; name one with --source") from err
    except IsADirectoryError as err:
        raise UsageError(
            f"{path} is a folder; write its path on a line of a text file and name that with --source"
        ) from err
    except OSError as err:
        raise UsageError(f"cannot read the source list {path}: {err.strerror}") from err
    except UnicodeDecodeError as err:
        raise UsageError(f"{path} is not UTF-8 text ({err.reason} at byte {err.start})") from err
    resolved = Path(os.path.realpath(path))
    counts: Counter[str] = Counter()
    lines = []
    noted_s = time.monotonic()
    for number, raw in enumerate(text.split("\n"), start=1):
        if time.monotonic() - noted_s > _NOTE_S:
            noted_s = time.monotonic()
            note(f"reading {path}: {number} lines so far")
        content = raw.strip()
        if not content or content.startswith("#"):
            continue
        counts[content] += 1
        lines.append(
            source_line(line_id(resolved, content, counts[content]), resolved, number, content)
        )
    if not lines:
        raise UsageError(
            f"{path} names nothing: write one URL, file or folder a line (# begins a comment)"
        )
    return lines


def source_line(id: str, path: Path, number: int, text: str) -> SourceLine:
    """Return a line of the list at the absolute path `path`, with its target and the target's stamp today."""
    if is_url(text):
        target, stamp = _canonical(text) if "://" in text else text, ""
    else:
        target, stamp = _locate(path.parent, text)
    return SourceLine(
        line_id=id,
        list_path=str(path),
        number=number,
        text=text,
        target=target,
        is_url=is_url(text),
        stamp=stamp,
    )


def _canonical(text: str) -> str:
    try:
        urlsplit(text).port  # noqa: B018  (a malformed port raises here)
    except ValueError:
        return text
    return canonical_url(text)


def _locate(base: Path, text: str) -> tuple[str, str]:
    """Return absolute path and stamp.

    The stamp changes with the size and time of a file, of the metadata beside it, or of a folder's files.
    """
    try:
        located = (base / Path(text).expanduser()).resolve()
        if located.is_dir():
            parts = [f"{p.name} {_stamp(p)}" for p in files_below(located)]
            return str(located), hashlib.sha256(
                "\n".join(parts).encode(errors="surrogateescape")
            ).hexdigest()[:16]
        if not located.exists():
            return str(located), "absent"
        metadata = metadata_path(located)
        return str(located), "+".join(map(_stamp, [located, *([metadata] if metadata else [])]))
    except (OSError, ValueError, RuntimeError):
        # The file system refuses the name, such as one with a null byte: discover reports it.
        return text, "unusable"


def _stamp(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:  # A link that leads nowhere.
        return "unreadable"
    return f"{status.st_size}-{status.st_mtime_ns}"
