"""The block lists of a dataset folder, applied at ingest and at every rebuild.

    block.txt      videos taken down by their publishers
    exclude.txt    evaluation sets, which no model may be trained on

In: one video or channel a line; `#` begins a comment. A video is named by its id in the tables
(`youtube_dQw4w9WgXcQ`), by its id on its site (`dQw4w9WgXcQ`) or by its address, with or without `https://`
and `www.`; a channel by `UC...` or `@handle`, by `channel:` and its id, handle, address or name as the site
shows it, or by its address. Behind an id, a handle or an address a comma or a blank and words may follow,
behind a name a comment. Case does not count in handles and names. A line that names neither is refused, and
so is a YouTube address that no video's metadata holds (a channel's old `/c/name`, `/user/name` and `/name`, a
playlist): a line that blocks nothing must not look as if it did.
Out: for one video, whether and why it is blocked.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from ophvl.errors import UsageError
from ophvl.ids import ID, canonical_url, channel_handle
from ophvl.stage import Drop
from ophvl.unicode import NAME_CHARACTERS, normalise_markup
from schemas.vocab import DropReason

Row = Mapping[str, Any]

BLOCK = "block.txt"
EXCLUDE = "exclude.txt"

_REASONS = ((BLOCK, DropReason.TAKEN_DOWN), (EXCLUDE, DropReason.EVALUATION))
_CHANNEL = "channel:"
_CHANNEL_LINE = re.compile(_CHANNEL, re.IGNORECASE)
_CHANNEL_ID = re.compile(r"UC[A-Za-z0-9_-]{22}")
_CHANNEL_PATH = re.compile(r"/channel/([^/]+)")
_AROUND = "<>\"'`,;"
"""Characters around an id or address that was copied out of a text or table."""
_SEPARATOR = re.compile(r"[,;]")
_COMMENT = re.compile(r"\s#")
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_HOST_AND_PATH = re.compile(r"[\w-]+(\.[\w-]+)+(:\d+)?/\S")
_YOUTUBE = re.compile(r"(^|\.)(youtube\.com|youtube-nocookie\.com|youtu\.be)$")
_YOUTUBE_VIDEO = re.compile(r"/(?:shorts|embed|live|v|e|watch)/([^/]+)")
_SHORT_VIDEO = re.compile(r"/([^/]+)")
_VIMEO = re.compile(r"(^|\.)vimeo\.com$")
_VIMEO_VIDEO = re.compile(r"/(?:video/|channels/[^/]+/|groups/[^/]+/videos/)?(\d+)(?:[/,;]|$)")
_MOST_SHOWN = 20


class VideoNames(NamedTuple):
    """The names of one video that are compared with the lists."""

    ids: list[str]
    """In the form of video ids: from its own page."""
    urls: list[str]
    channels: list[str]
    """Ids, handles and names of its channel."""


def names_of_video(video: Row, pages: Iterable[Row] = (), known: Iterable[Row] = ()) -> VideoNames:
    """Return all ids, addresses and channel names that are recorded for a video, each once.

    Args:
        video: its row of `videos`.
        pages: its row of `publications`, if it was fetched.
        known: its row of `identities`, if there is one.
    """
    rows, known = [video, *pages], list(known)
    names = ("channel_id", "channel_handle", "channel")
    return VideoNames(
        ids=_unique([row.get("page_id") for row in rows], *(row["ids"] for row in known)),
        urls=_unique(
            [video["location"]],
            [row["webpage_url"] for row in rows],
            *(row["urls"] for row in known),
        ),
        channels=_unique(
            [row[name] for row in rows for name in names], *(row["channels"] for row in known)
        ),
    )


def _unique(*groups: Iterable[Any]) -> list[str]:
    return list(dict.fromkeys(str(one) for values in groups for one in values if one))


@dataclass(frozen=True)
class BlockLists:
    """The block lists of the dataset folder `root`; a missing one is empty."""

    root: Path
    revision: str = ""
    more: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    """Further lists of the user, by the list of the folder that they would be added to."""

    @staticmethod
    def of(root: Path) -> BlockLists:
        """Return the lists, with a revision that changes with their content.

        Raises:
            UsageError: one cannot be read, or holds a line that names no video and no channel.
        """
        lists = BlockLists(root)
        digest = hashlib.sha256()
        for name, _ in _REASONS:
            digest.update("\n".join([name, *sorted(lists._names[name])]).encode())
        return BlockLists(root, digest.hexdigest()[:16])

    def judge(
        self,
        video_id: str,
        urls: Iterable[str | None],
        channels: Iterable[str | None],
        ids: Iterable[str] = (),
    ) -> Drop | None:
        """Return the drop of a video that is on a list; None for any other.

        Args:
            urls: its addresses.
            channels: id, handle and name of its channel.
            ids: further ids of it, in the form of `video_id`.
        """
        own = {name for one in (video_id, *ids) for name in (one, one.partition("_")[2])}
        own |= {name for url in urls if url for name in _names_of_address(url)}
        own |= {_channel(channel) for channel in channels if channel}
        for file, reason in _REASONS:
            matches = sorted(own & self._names[file])
            if matches:
                message = f"{matches[0]} stands in {file}; take it out there to have the video back"
                return Drop(row_id=video_id, reason=reason, message=message)
        return None

    @cached_property
    def _names(self) -> dict[str, frozenset[str]]:
        paths = {file: [self.root / file, *self.more.get(file, ())] for file, _ in _REASONS}
        return {file: frozenset().union(*map(_read, of_file)) for file, of_file in paths.items()}


def add(root: Path, file: str, source: Path) -> int:
    """Add the lines of a user's list to that of the folder; return how many are new.

    Raises:
        UsageError: the user's list cannot be read, or holds a line that names no video and no channel.
    """
    from ophvl.atomic_io import write_text

    try:
        text = source.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as err:
        raise UsageError(f"cannot read the list {source}: {err}; name a text file") from err
    _names_in(text, source)
    own = root / file
    before = own.read_text(encoding="utf-8").splitlines() if own.exists() else []
    known = {"", *before}
    new = [line for line in dict.fromkeys(map(str.strip, text.splitlines())) if line not in known]
    if new:
        write_text(own, "\n".join([*before, *new]) + "\n")
    return sum(not line.startswith("#") for line in new)


def _read(path: Path) -> set[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return set()
    except (OSError, UnicodeDecodeError) as err:
        raise UsageError(f"cannot read the list {path}: {err}; mend or remove it") from err
    return _names_in(text, path)


def _names_in(text: str, path: Path) -> set[str]:
    """Return the names on the lines of a list; all lines without one are reported together."""
    names: set[str] = set()
    refused: list[str] = []
    for number, line in _lines(text):
        of_line = _names(line)
        names |= of_line
        if not of_line:
            refused.append(f"line {number}: {line}")
    if refused:
        raise UsageError(_refusal(path, refused))
    return names


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(map(str.strip, text.splitlines()), start=1):
        if line and not line.startswith("#"):
            yield number, line


def _refusal(path: Path, lines: Sequence[str]) -> str:
    more = [f"and {len(lines) - _MOST_SHOWN} more"] if len(lines) > _MOST_SHOWN else []
    shown = "".join(f"\n  {line}" for line in [*lines[:_MOST_SHOWN], *more])
    return (
        f"{path}: these lines name no video and no channel, so they would block nothing:{shown}\n"
        "Name a video by its id or its address (https://... or host/path); of a channel write "
        "channel:@name or channel:UC..., the handle or id that its page shows, or channel: and its name"
    )


def _names(line: str) -> set[str]:
    """Return the names on a line of a list; none, if it names no video and no channel."""
    if prefix := _CHANNEL_LINE.match(line):
        return _names_of_channel(line[prefix.end() :])
    word = line.split()[0].strip(_AROUND)
    first = _SEPARATOR.split(word)[0].strip(_AROUND)
    if _is_channel(first):
        return {_channel(first)}
    if ID.fullmatch(first) and first.strip("-_"):  # A dash alone is a bullet.
        return {first}
    # A comma may be part of an address, or end it.
    return set[str]().union(*map(_names_of_address, {word, first}))


def _names_of_channel(text: str) -> set[str]:
    """Return the names of a channel, from the text after `channel:` on a line."""
    whole = " ".join(text.split())
    name = " ".join(_COMMENT.split(text)[0].split())
    if not name:
        return set()
    word = name.split()[0].strip(_AROUND)
    first = _SEPARATOR.split(word)[0].strip(_AROUND)
    if _is_channel(first):
        return {_channel(first)}
    by_address = {name for name in _names_of_address(first) if name.startswith(_CHANNEL)}
    if by_address or _SCHEME.match(first):
        return by_address
    # Names may hold what looks like a comment: "Eye #2".
    return {_channel(name), _channel(whole)}


def _is_channel(word: str) -> bool:
    """Return whether a word is recognisably a channel: an id of YouTube, or a handle."""
    return bool(_CHANNEL_ID.fullmatch(word)) or channel_handle(word) == word


def _channel(text: str) -> str:
    """Normalise a channel's id, handle or name for comparison: the tables hold names normalised."""
    if _CHANNEL_ID.fullmatch(text):
        return _CHANNEL + text
    name = unquote(text) if text.startswith("@") else text
    return _CHANNEL + " ".join(normalise_markup(name, NAME_CHARACTERS).split()).casefold()


def _names_of_address(text: str) -> set[str]:
    """Return the names in an address; none, if it leads to no video and no channel."""
    if not _SCHEME.match(text):
        if not _HOST_AND_PATH.match(text):
            return set()
        text = f"https://{text}"
    try:
        parts = urlsplit(canonical_url(text))
    except ValueError:
        return set()
    host = parts.hostname or ""
    if _YOUTUBE.search(host):
        return _names_on_youtube(parts)
    path = unquote(parts.path).rstrip("/")
    if not host or not (path or parts.query):
        return set()
    query = f"?{parts.query}" if parts.query else ""
    names = {parts.netloc.removeprefix("www.") + path + query}
    video = _VIMEO_VIDEO.match(path) if _VIMEO.search(host) else None
    return names | {f"vimeo_{video[1]}"} if video else names


def _names_on_youtube(parts: SplitResult) -> set[str]:
    path = unquote(parts.path)
    channel = _CHANNEL_PATH.match(path)
    name = channel[1] if channel else channel_handle(path)
    if name:
        return {_channel(name)}
    is_short = (parts.hostname or "").endswith("youtu.be")
    video = (_SHORT_VIDEO if is_short else _YOUTUBE_VIDEO).match(path)
    ids = [*parse_qs(parts.query).get("v", []), *([video[1]] if video else [])]
    return {name for id in ids if ID.fullmatch(id) for name in (id, f"youtube_{id}")}
