"""Subtitle files next to a local video: `<stem>.vtt`, `<stem>.en.srt`, `Subs/<stem>.en.forced.srt`.

In: a video's path. Out: the lines of its subtitle files, and the files that cannot be read.
"""

from __future__ import annotations

import contextlib
import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from ophvl.download import subtitle_files
from ophvl.errors import ItemError
from ophvl.ports import Subtitle
from ophvl.sources.local_files import Unusable, require_regular
from schemas.vocab import CaptionKind

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]+)*|[^\W\d_]{4,}")
"""`en`, `pt-BR` or `English`: a language as players find it after the stem of the video."""

_PURPOSES = frozenset(("forced", "sdh", "default", "foreign", "full"))
"""What else may stand there."""

_UNDETERMINED = "und"
_FOLDERS = frozenset(("subs", "subtitles"))
_MAX_BYTES = 64 * 2**20


def read_sidecar_subtitles(video: Path) -> tuple[tuple[Subtitle, ...], list[Unusable]]:
    """Return the subtitles next to a video, as manual ones, and the files that cannot be read."""
    subtitles: list[Subtitle] = []
    unusable: list[Unusable] = []
    for path, language in _beside(video):
        text, reason = _read(path)
        lines = subtitle_files.read(text)
        if not lines:
            unusable.append(Unusable(name=path.name, reason=reason))
        subtitles += [
            Subtitle(
                kind=CaptionKind.MANUAL,
                language=language,
                start_s=line.start_s,
                end_s=line.end_s,
                text=line.text,
            )
            for line in lines
        ]
    return tuple(subtitles), unusable


def _read(path: Path) -> tuple[str, str]:
    """Return the text of a subtitle file, and what to tell if there is no subtitle in it."""
    try:
        require_regular(path)
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES)
    except ItemError as err:
        return "", str(err)
    except OSError as err:
        return "", f"cannot read it: {err.strerror}"
    text = subtitle_files.decode(content)
    return text or "", "it holds no subtitle with times, or its encoding is not known"


def _beside(video: Path) -> list[tuple[Path, str]]:
    """Return path and language of the subtitle files of a video."""
    folder, stem = video.parent, _composed(video.stem)
    found: list[tuple[Path, str]] = []
    with contextlib.suppress(OSError):  # A folder that may not be listed; the video is usable.
        changed_ns = folder.stat().st_mtime_ns
        for name in _folders(folder, changed_ns):
            place = folder / name
            with contextlib.suppress(OSError):
                by_stem = _by_stem(place, folder, (changed_ns, place.stat().st_mtime_ns))
                found += [(place / file, language) for file, language in by_stem.get(stem, ())]
    return found


@lru_cache(maxsize=4)
def _folders(folder: Path, changed_ns: int) -> tuple[str, ...]:
    """Return the folders that may hold the subtitles of the videos in a folder: itself, and `Subs`."""
    names = (name for name in sorted(os.listdir(folder)) if name.lower() in _FOLDERS)
    return (".", *(name for name in names if (folder / name).is_dir()))


@lru_cache(maxsize=8)
def _by_stem(
    folder: Path, videos: Path, changed_ns: tuple[int, int]
) -> Mapping[str, list[tuple[str, str]]]:
    """Return names and languages of the subtitle files of a folder by the stem of their video.

    A folder is listed once, not once a video: it may hold 44,290 of them. `changed_ns` is part of the
    cache key. A file belongs to the video with the longest stem that its own begins with.
    """
    stems = {_composed(Path(name).stem) for name in os.listdir(videos) if not _is_subtitle(name)}
    by_stem: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for name in filter(_is_subtitle, sorted(os.listdir(folder))):
        stem, tags = _composed(Path(name).stem), list[str]()
        while stem not in stems and "." in stem:
            stem, _, tag = stem.rpartition(".")
            tags.append(tag)
        languages = [t for t in reversed(tags) if t.lower() not in _PURPOSES]
        if stem in stems and all(map(_LANGUAGE.fullmatch, languages)):
            by_stem[stem].append((name, languages[0] if languages else _UNDETERMINED))
    return by_stem


def _is_subtitle(name: str) -> bool:
    return Path(name).suffix.lower().removeprefix(".") in subtitle_files.FORMATS


def _composed(name: str) -> str:
    """Return the composed spelling: some file systems and archives decompose names."""
    return unicodedata.normalize("NFC", name)
