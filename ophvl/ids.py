"""Ids of source lines, of source videos and of their rows: stable, readable, fit for file names.

In: a line, a file's content, a URL, or what a site's extractor says. Out: `line_<16 hex>`, `file_<16 hex>`,
`url_<16 hex>`, `youtube_<id>`, and children such as `<video_id>-n0042`. An id never comes from a file name.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

ID = re.compile(r"[A-Za-z0-9_-]+")
"""What every id looks like: no dot, slash or blank (the same rule as `schemas.base.ID_PATTERN`)."""

_HEX = 16
_DEFAULT_PORTS = {"http": 80, "https": 443}

_IDLESS_EXTRACTORS = frozenset({"generic", "html5", "html5mediaembed"})
"""Extractors of yt-dlp that take the id from a file name, so that two videos can share one."""

_LONGEST = 64
"""Ids serve as file names; what a site calls a video may be longer than a file system bears."""

_LINE = "line_"

_CHUNK_BYTES = 2**20


def line_id(list_path: Path, text: str, occurrence: int) -> str:
    """Id of a line of a source list; `occurrence` counts equal lines of the list, from 1."""
    identity = f"{list_path}\n{text}\n{occurrence}"
    return _LINE + hashlib.sha256(identity.encode()).hexdigest()[:_HEX]


def is_line_id(id: str) -> bool:
    """Tell whether an id is that of a source line; no other begins as these do."""
    return id.startswith(_LINE)


def file_id(sha256: str) -> str:
    """Id of a local file, from the hex digest of its content."""
    return f"file_{sha256[:_HEX]}"


def url_id(url: str) -> str:
    """Id of a video known by its URL alone."""
    return f"url_{hashlib.sha256(canonical_url(url).encode()).hexdigest()[:_HEX]}"


def site_id(extractor: str, id: str, url: str) -> str:
    """Id of a video that a site numbers itself: `youtube_<id>`; else the `url_id` of its URL."""
    name = f"{extractor.lower()}_{id}"
    fit = len(name) <= _LONGEST and ID.fullmatch(name) and not is_line_id(name)
    if extractor.lower() in _IDLESS_EXTRACTORS or not fit:
        return url_id(url)
    return name


def child_id(parent_id: str, kind: str, number: int) -> str:
    """Id of a row of a source video: `child_id("youtube_x", "n", 42)` is `youtube_x-n0042`."""
    return f"{parent_id}-{kind}{number:04d}"


def canonical_url(url: str) -> str:
    """One spelling for URLs that mean the same.

    Scheme and host in lower case, no default port, no fragment. The query stays: on many sites it
    names the video.
    """
    parts = urlsplit(url.strip())
    scheme = parts.scheme.lower()
    user, at, _ = parts.netloc.rpartition("@")
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    port = "" if parts.port in (None, _DEFAULT_PORTS.get(scheme)) else f":{parts.port}"
    return urlunsplit((scheme, f"{user}{at}{host}{port}", parts.path or "/", parts.query, ""))


def sha256_file(path: Path) -> str:
    """Return the hex digest of a file's content, read block by block."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


_HANDLE = re.compile(r"(?:^|/)(@[^/?#\s]+)")


def channel_handle(*texts: str | None) -> str | None:
    """Return the handle (`@name`) of a channel from texts of its site, such as an id or an address."""
    matches = (match for one in texts if one and (match := _HANDLE.search(one)))
    return next((match[1] for match in matches), None)
