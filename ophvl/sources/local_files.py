"""Find the videos among local files, and read the metadata beside them.

In: the path of a file or folder. Out: its videos, each with the metadata of `<stem>.info.json` beside it, in
the form that yt-dlp writes; and what could not be used, with the reason. A bad file costs itself, and a bad
metadata file, or a bad field of one, costs that.
"""

from __future__ import annotations

import json
import math
import os
import stat
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from ophvl.errors import ItemError
from ophvl.ids import channel_handle, file_id, sha256_file
from ophvl.ports import Chapter, VideoMetadata
from ophvl.unicode import normalise
from schemas.vocab import FailureKind

SUFFIXES = frozenset(
    (
        ".3gp",
        ".avi",
        ".flv",
        ".m4v",
        ".mkv",
        ".mov",
        ".mp4",
        ".mpeg",
        ".mpg",
        ".ogv",
        ".ts",
        ".webm",
        ".wmv",
        ".mts",
        ".m2ts",
        ".vob",
        ".mod",
    )
)
"""Files of a folder that count as videos. A file that the list names itself may have any suffix."""

_SYSTEM_FOLDERS = frozenset(
    (
        "$RECYCLE.BIN",
        "System Volume Information",
        "lost+found",
        "@eaDir",
        "#recycle",
        "__MACOSX",
    )
)
"""Folders that systems make: trash, thumbnails, what a repair of the disk found. Others begin with a dot."""

_DEVICE_TREES = ("/proc", "/sys", "/dev")
"""Files here look regular, and may have no end."""

_MAX_METADATA_BYTES = 64 * 2**20
_MAX_DIGITS = 18
_MAX_DURATION_S = 1e7
"""Four months: a longer duration is an error of the file that names it."""


@dataclass(frozen=True, kw_only=True)
class Unusable:
    """A file that costs something: a video that is left out, or metadata that is."""

    name: str
    reason: str


@dataclass(kw_only=True)
class LocalVideo:
    """A video file with its id and metadata, and what was lost of the metadata."""

    video_id: str
    metadata: VideoMetadata
    unusable: list[Unusable] = field(default_factory=list)


def files_below(folder: Path, unreadable: list[Unusable] | None = None) -> Iterator[Path]:
    """Yield the paths of all files below a folder, sorted, but for hidden ones and those of systems.

    Args:
        unreadable: gets the folders that cannot be read.
    """

    def note(err: OSError) -> None:
        if unreadable is not None:
            unreadable.append(
                Unusable(name=_printable(err.filename), reason=str(err.strerror or err))
            )

    paths = []
    for root, folders, names in os.walk(folder, onerror=note):
        if is_of_system(Path(root)):
            folders.clear()
            continue
        folders[:] = [name for name in folders if not _is_hidden(name)]
        paths += [Path(root, name) for name in names if not _is_hidden(name)]
    yield from sorted(paths)


def is_of_system(path: Path) -> bool:
    """Tell whether a path leads into a tree in which the system shows itself, such as `/proc`."""
    resolved = os.path.realpath(path)
    return any(f"{resolved}/".startswith(f"{tree}/") for tree in _DEVICE_TREES)


def require_regular(path: Path, kind_of_file: str = "a video file; take it off the list") -> None:
    """Check that a path is that of a regular file, so that reading it comes to an end.

    Args:
        kind_of_file: what it should be, and what to do if it is not.

    Raises:
        ItemError: UNREADABLE, with the kind of file that it is.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as err:
        message = f"cannot read {_printable(path)}: {getattr(err, 'strerror', None) or err}"
        raise ItemError(FailureKind.UNREADABLE, message) from err
    kinds = {
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
        stat.S_IFDIR: "a folder",
    }
    kind = kinds.get(stat.S_IFMT(mode))
    if kind is None and is_of_system(path):
        kind = "a file of the system"
    if kind is not None:
        message = f"{_printable(path)} is {kind}, not {kind_of_file}"
        raise ItemError(FailureKind.UNREADABLE, message)


def videos_in(folder: Path) -> tuple[list[LocalVideo], list[Unusable]]:
    """Return the videos below a folder, in the order of their paths, and the files that cannot be used."""
    unusable: list[Unusable] = []
    videos = []
    for path in files_below(folder, unusable):
        if path.suffix.lower() in SUFFIXES:
            try:
                videos.append(read_video(path))
            except ItemError as err:
                unusable.append(Unusable(name=_printable(path.name), reason=str(err)))
    return videos, unusable


def read_video(path: Path) -> LocalVideo:
    """Hash a video file and read the metadata beside it.

    Raises:
        ItemError: UNREADABLE: it is no regular file, cannot be read, or its name is not text.
    """
    require_regular(path)
    try:
        str(path).encode()
    except UnicodeEncodeError as err:
        raise ItemError(
            FailureKind.UNREADABLE,
            f"the name of {_printable(path)} is not UTF-8 text; rename the file",
        ) from err
    try:
        video_id = file_id(sha256_file(path))
    except OSError as err:
        raise ItemError(FailureKind.UNREADABLE, f"cannot read {path}: {err.strerror}") from err
    info = _Info.beside(path)
    metadata = VideoMetadata(
        url=str(path),
        webpage_url=info.text("webpage_url"),
        extractor="file",
        site_id=video_id,
        title=info.text("title") or path.stem,
        description=info.text("description"),
        channel=info.text("channel") or info.text("uploader"),
        channel_id=info.text("channel_id") or info.text("uploader_id"),
        channel_handle=channel_handle(info.text("uploader_id"), info.text("uploader_url")),
        upload_date=info.day("upload_date"),
        duration_s=info.number("duration"),
        chapters=info.chapters(),
        tags=info.texts("tags"),
        language=info.text("language"),
        licence=info.text("license"),
    )
    return LocalVideo(video_id=video_id, metadata=metadata, unusable=info.unusable())


def metadata_path(video: Path) -> Path | None:
    """Return the metadata file beside a video, in whichever spelling of its name; None without."""
    path = video.with_suffix(".info.json")
    if os.path.lexists(path):
        return path
    composed = unicodedata.normalize("NFC", path.name)
    if composed.isascii():
        return None
    try:
        names = os.listdir(video.parent)
    except OSError:
        return None
    same = (name for name in names if unicodedata.normalize("NFC", name) == composed)
    return next((video.with_name(name) for name in same), None)


class _Info:
    """The content of a metadata file, read field by field; what does not fit is left out and noted."""

    def __init__(self, name: str, values: Mapping[str, object], error: str | None = None) -> None:
        self._name = name
        self._values = values
        self._error = error
        self._left_out: dict[str, None] = {}

    @classmethod
    def beside(cls, video: Path) -> _Info:
        """Read the metadata file of a video; an empty one where there is none or it cannot be read."""
        path = metadata_path(video)
        if path is None:
            return cls("", {})
        try:
            require_regular(path, "a metadata file; remove or rename it")
            if path.stat().st_size > _MAX_METADATA_BYTES:
                return cls(path.name, {}, f"it is larger than {_MAX_METADATA_BYTES >> 20} MB")
            text = path.read_text(encoding="utf-8-sig")
            values = json.loads(text, parse_int=_integer)
        except ItemError as err:
            return cls(path.name, {}, str(err))
        except UnicodeDecodeError as err:
            return cls(path.name, {}, f"it is not UTF-8 text (at byte {err.start})")
        except (OSError, ValueError) as err:
            return cls(path.name, {}, f"it is not readable JSON ({err})")
        except RecursionError:
            return cls(path.name, {}, "its JSON is nested too deeply")
        if not isinstance(values, dict):
            return cls(path.name, {}, "it holds no JSON object")
        return cls(path.name, values)

    def unusable(self) -> list[Unusable]:
        """Return what was lost: the whole file, or the fields that were read and did not fit."""
        reason = self._error
        if reason is None and self._left_out:
            reason = f"field(s) {', '.join(self._left_out)} do not fit"
        return [Unusable(name=_printable(self._name), reason=reason)] if reason else []

    def text(self, key: str) -> str | None:
        """Return a field of text; None where it is absent, empty or not text."""
        value = self._values.get(key)
        if isinstance(value, str):  # Text of signs that show nothing is none.
            return normalise(value).strip() or None
        self._note(key, value)
        return None

    def day(self, key: str) -> str | None:
        """Return a field with a day as YYYYMMDD; None where it is absent or no day."""
        text = self.text(key)
        if text is None:
            return None
        try:
            return f"{date.fromisoformat(text):%Y%m%d}"
        except ValueError:
            self._note(key, text)
            return None

    def number(self, key: str) -> float | None:
        """Return a field of seconds; None where it is absent or no number in range."""
        value = self._values.get(key)
        if (seconds := _seconds(value)) is None:
            self._note(key, value)
        return seconds

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the texts of a list."""
        items = self._list(key)
        texts = tuple(normalise(item) for item in items if isinstance(item, str))
        if len(texts) < len(items):
            self._left_out[key] = None
        return texts

    def chapters(self) -> tuple[Chapter, ...]:
        """Return the chapters that have a title and a span of time."""
        items = self._list("chapters")
        chapters = []
        for item in items:
            if not isinstance(item, dict):
                continue
            title = item.get("title")
            start_s, end_s = _seconds(item.get("start_time")), _seconds(item.get("end_time"))
            if not isinstance(title, str) or start_s is None or end_s is None:
                continue
            if start_s < end_s:
                chapters.append(
                    Chapter(title=normalise(title).strip(), start_s=start_s, end_s=end_s)
                )
        chapters = [chapter for chapter in chapters if chapter.title]
        if len(chapters) < len(items):
            self._left_out["chapters"] = None
        return tuple(chapters)

    def _list(self, key: str) -> list[object]:
        value = self._values.get(key)
        if isinstance(value, list):
            return value
        self._note(key, value)
        return []

    def _note(self, key: str, value: object) -> None:
        if value is not None:
            self._left_out[key] = None


def _integer(digits: str) -> int | float:
    """Read a whole number of JSON; one beyond any use becomes infinite, which fits nowhere."""
    return int(digits) if len(digits) <= _MAX_DIGITS else math.inf


def _seconds(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= float(value) <= _MAX_DURATION_S:  # type: ignore[arg-type]
        return None
    return float(value)  # type: ignore[arg-type]


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name in _SYSTEM_FOLDERS


def _printable(path: Path | str | bytes | None) -> str:
    """Return a path as text; bytes that are none appear as escapes."""
    return os.fsencode(path or "").decode(errors="backslashreplace")
