"""Subtitle files next to a local video: `<stem>.vtt`, `<stem>.en.srt`, `Subs/<stem>.en.forced.srt`.

In: a video's path. Out: the lines of its subtitle files, and the files that cannot be read.
"""

from __future__ import annotations

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
_FOLDERS = ("", "Subs", "Subtitles", "subs", "subtitles")
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
    stem = _composed(video.stem)
    found = []
    for name in _FOLDERS:
        folder = video.parent / name if name else video.parent
        try:
            changed_ns = folder.stat().st_mtime_ns
            by_stem = _by_stem(folder, video.parent, changed_ns)
        except OSError:  # Most videos have no such folder.
            continue
        found += [(folder / file, language) for file, language in by_stem.get(stem, ())]
    return found


@lru_cache(maxsize=8)
def _by_stem(folder: Path, videos: Path, changed_ns: int) -> Mapping[str, list[tuple[str, str]]]:
    """Return names and languages of the subtitle files of a folder by the stem of their video.

    A folder is listed once, not once a video: it may hold 44,290 of them. `changed_ns` is part of the
    cache key. A file belongs to the video with the longest stem that its own begins with.
    """
    names = sorted(os.listdir(folder))
    stems = {_composed(Path(name).stem) for name in os.listdir(videos) if not _is_subtitle(name)}
    by_stem: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name in filter(_is_subtitle, names):
        stem, tags = _composed(Path(name).stem), list[str]()
        while stem not in stems and "." in stem:
            stem, _, tag = stem.rpartition(".")
            tags.append(tag)
        languages = [t for t in reversed(tags) if t.lower() not in _PURPOSES]
        named = not tags or all(map(_LANGUAGE.fullmatch, languages))
        if stem in stems and named:
            by_stem[stem].append((name, languages[0] if languages else _UNDETERMINED))
    return by_stem


def _is_subtitle(name: str) -> bool:
    return Path(name).suffix.lower().removeprefix(".") in subtitle_files.FORMATS


def _composed(name: str) -> str:
    """Return the composed spelling: some file systems and archives decompose names."""
    return unicodedata.normalize("NFC", name)
