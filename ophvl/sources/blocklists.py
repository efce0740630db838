"""The lists of a dataset folder that keep videos out, at ingest and at every rebuild.

    block.txt      taken down: their publishers do not want them here
    exclude.txt    evaluation sets: models are judged on them, so none may learn from them

In: one video or channel a line; `#` begins a comment. A video is named by its id here
(`youtube_dQw4w9WgXcQ`), by its id on its site (`dQw4w9WgXcQ`) or by its address, with or without `https://`
and `www.`; a channel by `UC...` or `@handle`, by `channel:` and its id, handle, address or name as the site
shows it, or by its address. Behind an id, a handle or an address a comma or a blank and words may follow,
behind a name a comment. Case does not count in handles and names. A line that names neither is refused, and
so is an address of YouTube that no video tells (a channel's old `/c/name`, `/user/name` and `/name`, a
playlist): a list that keeps nothing out must not look as if it did.
Out: for one video, whether and why it is kept out.
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
"""What may stand around an id or an address that was copied out of a text or a table."""
_SEPARATOR = re.compile(r"[,;]")
_COMMENT = re.compile(r"\s#")
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_HOST_AND_PATH = re.compile(r"[\w-]+(\.[\w-]+)+(:\d+)?/\S")
_YOUTUBE = re.compile(r"(^|\.)(youtube\.com|youtube-nocookie\.com|youtu\.be)$")
_YOUTUBE_VIDEO = re.compile(r"/(?:shorts|embed|live|v|e|watch)/([^/]+)")
_SHORT_VIDEO = re.compile(r"/([^/]+)")
_VIMEO = re.compile(r"(^|\.)vimeo\.com$")
_VIMEO_VIDEO = re.compile(r"/(?:video/|channels/[^/]+/|groups/[^/]+/videos/)?(\d+)(?:[/,;]|$)")
_MOST_TOLD = 20


class KnownAs(NamedTuple):
    """What a video is compared by."""

    ids: list[str]
    """Of the form of video ids: what its own page calls it."""
    urls: list[str]
    channels: list[str]
    """Ids, handles and names of its channel."""


def known_as(video: Row, pages: Iterable[Row] = (), known: Iterable[Row] = ()) -> KnownAs:
    """All that is told of whose a video is and what it is called, each once.

    Args:
        video: its row of `videos`.
        pages: its row of `publications`, if it was fetched.
        known: its row of `identities`, if there is one.
    """
    told, known = [video, *pages], list(known)
    names = ("channel_id", "channel_handle", "channel")
    return KnownAs(
        ids=_unique([row.get("page_id") for row in told], *(row["ids"] for row in known)),
        urls=_unique(
            [video["location"]],
            [row["webpage_url"] for row in told],
            *(row["urls"] for row in known),
        ),
        channels=_unique(
            [row[name] for row in told for name in names], *(row["channels"] for row in known)
        ),
    )


def _unique(*told: Iterable[Any]) -> list[str]:
    return list(dict.fromkeys(str(one) for values in told for one in values if one))


@dataclass(frozen=True)
class Lists:
    """The lists of the dataset folder `root`; a missing one is empty."""

    root: Path
    revision: str = ""
    more: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    """Lists of the user's by the list of the folder that they would join."""

    @staticmethod
    def of(root: Path) -> Lists:
        """The lists, with a revision that changes with what they hold.

        Raises:
            UsageError: one cannot be read, or holds a line that names no video and no channel.
        """
        found = Lists(root)
        digest = hashlib.sha256()
        for name, _ in _REASONS:
            digest.update("\n".join([name, *sorted(found._names[name])]).encode())
        return Lists(root, digest.hexdigest()[:16])

    def judge(
        self,
        video_id: str,
        urls: Iterable[str | None],
        channels: Iterable[str | None],
        ids: Iterable[str] = (),
    ) -> Drop | None:
        """The drop of a video that stands on a list.

        Args:
            urls: addresses that it is known by.
            channels: id, handle and name of its channel.
            ids: further ids that it is known by, of the form of `video_id`.
        """
        own = {name for one in (video_id, *ids) for name in (one, one.partition("_")[2])}
        own |= {name for url in urls if url for name in _names_of_address(url)}
        own |= {_channel(channel) for channel in channels if channel}
        for file, reason in _REASONS:
            found = sorted(own & self._names[file])
            if found:
                message = f"{found[0]} stands in {file}; take it out there to have the video back"
                return Drop(row_id=video_id, reason=reason, message=message)
        return None

    @cached_property
    def _names(self) -> dict[str, frozenset[str]]:
        paths = {file: [self.root / file, *self.more.get(file, ())] for file, _ in _REASONS}
        return {file: frozenset().union(*map(_read, of_file)) for file, of_file in paths.items()}


def add(root: Path, file: str, source: Path) -> int:
    """Add the lines of a user's list to the one of the folder; return how many are new.

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
    """What the lines of a list are compared by; all that would keep nothing out are told at once."""
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
    more = [f"and {len(lines) - _MOST_TOLD} more"] if len(lines) > _MOST_TOLD else []
    told = "".join(f"\n  {line}" for line in [*lines[:_MOST_TOLD], *more])
    return (
        f"{path}: no video is known by these lines, so they would keep nothing out:{told}\n"
        "Name a video by its id or its address (https://... or host/path); of a channel write "
        "channel:@name or channel:UC..., the handle or id that its page shows, or channel: and its name"
    )


def _names(line: str) -> set[str]:
    """What a line of a list is compared by; nothing, if it names no video and no channel."""
    if mark := _CHANNEL_LINE.match(line):
        return _names_of_channel(line[mark.end() :])
    word = line.split()[0].strip(_AROUND)
    first = _SEPARATOR.split(word)[0].strip(_AROUND)
    if _is_channel(first):
        return {_channel(first)}
    if ID.fullmatch(first) and first.strip("-_"):  # A dash alone begins an item of a list.
        return {first}
    # A comma may be part of an address, or begin what follows it.
    return set[str]().union(*map(_names_of_address, {word, first}))


def _names_of_channel(text: str) -> set[str]:
    """What a channel is compared by, from what a list says behind `channel:`."""
    whole = " ".join(text.split())
    name = " ".join(_COMMENT.split(text)[0].split())
    if not name:
        return set()
    word = name.split()[0].strip(_AROUND)
    first = _SEPARATOR.split(word)[0].strip(_AROUND)
    if _is_channel(first):
        return {_channel(first)}
    by_address = {told for told in _names_of_address(first) if told.startswith(_CHANNEL)}
    if by_address or _SCHEME.match(first):
        return by_address
    # Names may hold what looks like a comment: "Eye #2".
    return {_channel(name), _channel(whole)}


def _is_channel(word: str) -> bool:
    """Whether a word by itself says that it is a channel: an id of YouTube, or a handle."""
    return bool(_CHANNEL_ID.fullmatch(word)) or channel_handle(word) == word


def _channel(told: str) -> str:
    """A channel's id, handle or name, as compared."""
    if _CHANNEL_ID.fullmatch(told):
        return _CHANNEL + told
    name = unquote(told) if told.startswith("@") else told
    return _CHANNEL + " ".join(name.split()).casefold()


def _names_of_address(text: str) -> set[str]:
    """What an address is compared by; nothing, if it is none, or leads to no video and no channel."""
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
    told = channel[1] if channel else channel_handle(path)
    if told:
        return {_channel(told)}
    is_short = (parts.hostname or "").endswith("youtu.be")
    video = (_SHORT_VIDEO if is_short else _YOUTUBE_VIDEO).match(path)
    ids = [*parse_qs(parts.query).get("v", []), *([video[1]] if video else [])]
    return {name for id in ids if ID.fullmatch(id) for name in (id, f"youtube_{id}")}
