"""The lists of a dataset folder that keep videos out, at ingest and at every rebuild.

    block.txt      taken down: their publishers do not want them here
    exclude.txt    evaluation sets: models are judged on them, so none may learn from them

In: one video or channel a line; `#` begins a comment. A video is named by its id here
(`youtube_dQw4w9WgXcQ`), by its id on its site (`dQw4w9WgXcQ`) or by its URL; a channel by `channel:UC...`,
by `channel:@handle`, by `channel:` and its name as the site shows it, or by its URL. Behind an id or a URL
words may follow, behind a name a comment. A channel's old addresses (`/c/...`, `/user/...`) are refused: no
video tells them, and a list that keeps nothing out must not look as if it did.
Out: for one video, whether and why it is kept out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from ophvl.errors import UsageError
from ophvl.ids import canonical_url, channel_handle
from ophvl.stage import Drop
from schemas.vocab import DropReason

BLOCK = "block.txt"
EXCLUDE = "exclude.txt"

_REASONS = ((BLOCK, DropReason.TAKEN_DOWN), (EXCLUDE, DropReason.EVALUATION))
_CHANNEL = "channel:"
_CHANNEL_PATH = re.compile(r"^/channel/([^/]+)")
_OLD_PATH = re.compile(r"^/(?:c|user)/[^/]+")
_CHANNEL_ID = re.compile(r"UC[\w-]{22}")
_YOUTUBE = re.compile(r"(^|\.)(youtube\.com|youtube-nocookie\.com|youtu\.be)$")
_VIDEO_PATH = re.compile(r"^/(?:shorts|embed|live|v)/([\w-]+)")


@dataclass(frozen=True)
class Lists:
    """The lists of the dataset folder `root`; a missing one is empty."""

    root: Path
    revision: str = ""
    more: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    """Lists of the user's by the list of the folder that they would join."""

    @staticmethod
    def of(root: Path) -> Lists:
        """The lists, with a revision that changes with what they hold."""
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
        own |= {name for url in urls if url for name in _names(url)}
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
        UsageError: the user's list cannot be read.
    """
    from ophvl.atomic import write_text

    try:
        lines = source.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as err:
        raise UsageError(f"cannot read the list {source}: {err}; name a text file") from err
    _refuse_old_addresses(lines, source)
    own = root / file
    before = own.read_text(encoding="utf-8").splitlines() if own.exists() else []
    new = [line for line in dict.fromkeys(map(str.strip, lines)) if line and line not in before]
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
    _refuse_old_addresses(text.splitlines(), path)
    lines = (line.strip() for line in text.splitlines())
    return {name for line in lines if line and not line.startswith("#") for name in _names(line)}


def _refuse_old_addresses(lines: Iterable[str], path: Path) -> None:
    """Stop at a channel's URL that no video can be compared with."""
    for line in map(str.strip, lines):
        with suppress(ValueError):  # No address at all: compared as a word.
            parts = urlsplit(line.partition(" ")[0])
            if _YOUTUBE.search(parts.hostname or "") and _OLD_PATH.match(parts.path):
                raise UsageError(
                    f"{path}: videos do not tell this address of their channel, so {line} would keep "
                    "nothing out; write channel:@name or channel:UC... instead, the handle or id that the "
                    "channel's page shows"
                )


def _names(line: str) -> set[str]:
    """What a line of a list, or an address of a video, is compared by."""
    if line.startswith(_CHANNEL):
        return {_channel(line.removeprefix(_CHANNEL))}
    word = line.split()[0]
    if "://" not in word:
        return {word}
    try:
        parts = urlsplit(word)
        names = {canonical_url(word)}
    except ValueError:
        return {word}
    channel = _CHANNEL_PATH.match(parts.path)
    if channel:
        return {_CHANNEL + channel[1]}
    handle = channel_handle(parts.path) if _YOUTUBE.search(parts.hostname or "") else None
    if handle:
        return {_channel(handle)}
    if _YOUTUBE.search(parts.hostname or ""):
        path = _VIDEO_PATH.match(parts.path)
        short = parts.path.strip("/") if (parts.hostname or "").endswith("youtu.be") else ""
        ids = [*parse_qs(parts.query).get("v", []), *([path[1]] if path else []), short]
        names |= {name for one in ids if one for name in (one, f"youtube_{one}")}
    return names


def _channel(text: str) -> str:
    """A channel's id, handle or name, as compared."""
    name = " ".join(text.partition(" #")[0].split())
    first = name.partition(" ")[0]
    if first.startswith("@"):
        return _CHANNEL + first.casefold()
    return _CHANNEL + (first if _CHANNEL_ID.fullmatch(first) else name)
