"""Read a source list: one URL, file or folder a line, `#` comments, blank lines, BOM and CRLF."""

from __future__ import annotations

import hashlib
import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from ophvl.errors import UsageError
from ophvl.ids import canonical_url
from ophvl.stage import SourceLine

_TELL_S = 5.0
"""How often it is told how far a long list is read."""

_SEARCH = re.compile(r"ytsearch(date)?\d*:")
"""A search instead of an address, as yt-dlp writes it: `ytsearch20:phacoemulsification`."""


def is_url(text: str) -> bool:
    """Whether a source line is to be asked of the network; else it names something on this machine."""
    return "://" in text or _SEARCH.match(text) is not None


def read_source_list(
    path: Path, note: Callable[[str], None] = lambda text: None
) -> list[SourceLine]:
    """The lines of the list that name something, in order. Relative paths start at the list's folder.

    Args:
        note: told now and then how far a long list is read.

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
    place = path.resolve()
    seen: Counter[str] = Counter()
    lines = []
    told = time.monotonic()
    for number, raw in enumerate(text.split("\n"), start=1):
        if time.monotonic() - told > _TELL_S:
            told = time.monotonic()
            note(f"reading {path}: {number} lines so far")
        written = raw.strip()
        if not written or written.startswith("#"):
            continue
        seen[written] += 1
        identity = f"{place}\n{written}\n{seen[written]}"
        line_id = "line_" + hashlib.sha256(identity.encode()).hexdigest()[:16]
        lines.append(source_line(line_id, place, number, written))
    if not lines:
        raise UsageError(
            f"{path} names nothing: write one URL, file or folder a line (# begins a comment)"
        )
    return lines


def source_line(line_id: str, path: Path, number: int, text: str) -> SourceLine:
    """A line of the list at `path`, an absolute path, as it means the same today."""
    if is_url(text):
        target, stamp = _canonical(text) if "://" in text else text, ""
    else:
        target, stamp = _locate(path.parent, text)
    return SourceLine(
        line_id=line_id,
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
    """Absolute path, and a stamp that changes with the file's size and time or the folder's listing."""
    try:
        found = (base / Path(text).expanduser()).resolve()
        if found.is_dir():
            parts = [f"{p.name} {_stamp(p)}" for p in sorted(found.rglob("*")) if p.is_file()]
            return str(found), hashlib.sha256(
                "\n".join(parts).encode(errors="surrogateescape")
            ).hexdigest()[:16]
        return str(found), _stamp(found) if found.exists() else "absent"
    except (OSError, ValueError, RuntimeError):
        # A name that the file system refuses, such as one with a null byte: discover says so.
        return text, "unusable"


def _stamp(path: Path) -> str:
    status = path.stat()
    return f"{status.st_size}-{status.st_mtime_ns}"
