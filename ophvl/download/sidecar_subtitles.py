"""Subtitle files next to a local video, by the names that players and tools give them.

    <stem>.vtt   <stem>.en.srt   <stem>.en.forced.srt   <stem>.en.1.srt   <stem>_en.srt   <stem>.mp4.en.srt
    Subs/<stem>.en.srt   Subs/<stem>/2_English.srt   Subs/2_English.srt (beside the only video of a folder)

In: a video's path. Out: the lines of its subtitle files, and the files and folders that cannot be read.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from ophvl.download import subtitle_files
from ophvl.errors import ItemError
from ophvl.ports import Subtitle
from ophvl.sources.local_files import SUFFIXES, Unusable, require_regular
from schemas.vocab import CaptionKind

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]+)*|[^\W\d_]{4,}")
"""`en`, `pt-BR` or `English`: a language as players find it after a dot behind the video's name."""
_SHORT_LANGUAGE = re.compile(r"(?P<stem>.+)[ _-](?P<language>[A-Za-z]{2})")
"""`case_en`: only two letters that are the code of a language; "case_hd" is another file."""
_NUMBERED_LANGUAGE = re.compile(r"(?:\d{1,3}[_. -]+)?(?P<language>[^\W\d_]{2,})")
"""`2_English`: one of several tracks, in a folder of the video's own."""

_PURPOSES = frozenset(("forced", "sdh", "default", "foreign", "full"))
"""What else may stand there."""

_UNDETERMINED = "und"
_FOLDERS = frozenset(("subs", "subtitles"))
_MAX_BYTES = 64 * 2**20


def read_sidecar_subtitles(video: Path) -> tuple[tuple[Subtitle, ...], list[Unusable]]:
    """Return the subtitles next to a video, as manual ones, and what cannot be read."""
    subtitles: list[Subtitle] = []
    found, unusable = _beside(video)
    for path, language in found:
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
        require_regular(path, "a subtitle file; remove or rename it")
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES)
    except ItemError as err:
        return "", str(err)
    except OSError as err:
        return "", f"cannot read it: {err.strerror}"
    text = subtitle_files.decode(content)
    return text or "", "it holds no subtitle with times, or its encoding is not known"


def _beside(video: Path) -> tuple[list[tuple[Path, str]], list[Unusable]]:
    """Return path and language of the subtitle files of a video, and the folders that cannot be listed."""
    folder, stem = video.parent, _composed(video.stem)
    found: list[tuple[Path, str]] = []
    unlisted: list[Unusable] = []
    try:
        changed_ns = folder.stat().st_mtime_ns
        places = _folders(folder, changed_ns)
    except OSError:  # A folder that may not be listed; the video is usable.
        return [], []
    for name in places:
        place = folder / name
        try:
            by_video = _by_video(place, folder, (changed_ns, place.stat().st_mtime_ns))
            for key in {stem, _composed(video.name)}:  # One, if the video has no suffix.
                found += [(place / file, language) for file, language in by_video.get(key, ())]
            if name != "." and (place / video.stem).is_dir():
                found += _numbered(place / video.stem)
        except OSError as err:
            unlisted.append(Unusable(name=name, reason=f"cannot list it: {err.strerror}"))
    return found, unlisted


@lru_cache(maxsize=4)
def _folders(folder: Path, changed_ns: int) -> tuple[str, ...]:
    """Return the folders that may hold the subtitles of the videos in a folder: itself, and `Subs`."""
    names = (name for name in sorted(os.listdir(folder)) if name.lower() in _FOLDERS)
    return (".", *(name for name in names if (folder / name).is_dir()))


@lru_cache(maxsize=8)
def _by_video(
    folder: Path, videos: Path, changed_ns: tuple[int, int]
) -> Mapping[str, list[tuple[str, str]]]:
    """Return names and languages of the subtitle files of a folder, by the stem or name of their video.

    A folder is listed once, not once a video: it may hold 44,290 of them. `changed_ns` is part of the
    cache key. A file belongs to the video with the longest name that its own begins with.
    """
    others = [_composed(name) for name in os.listdir(videos) if not _is_subtitle(name)]
    names = {*others, *(Path(name).stem for name in others)}
    by_video: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    own = [Path(name) for name in others if Path(name).suffix.lower() in SUFFIXES]
    only = own[0].stem if folder != videos and len(own) == 1 else None
    for name in filter(_is_subtitle, sorted(os.listdir(folder))):
        stem = _composed(Path(name).stem)
        owner, language = _owner(stem, names)
        if owner is None and only and (numbered := _NUMBERED_LANGUAGE.fullmatch(stem)):
            owner, language = only, numbered["language"]
        if owner is not None:
            by_video[owner].append((name, language))
    return by_video


def _owner(stem: str, names: Container[str]) -> tuple[str | None, str]:
    """Return which of the names a subtitle file's stem belongs to, None for none, and its language."""
    tags: list[str] = []
    while stem not in names:
        if (short := _SHORT_LANGUAGE.fullmatch(stem)) and short["stem"] in names:
            language = short["language"].lower()
            return (short["stem"], language) if _is_code(language) else (None, "")
        stem, dot, tag = stem.rpartition(".")
        if not dot:
            return None, ""
        if f".{tag.lower()}" not in SUFFIXES:  # That of a video that has since been converted.
            tags.append(tag)
    if len(tags) > 1 and tags[0].isdecimal():  # `case.en.1`, but not `case.1`
        del tags[0]
    languages = [tag for tag in reversed(tags) if tag.lower() not in _PURPOSES]
    if not all(map(_LANGUAGE.fullmatch, languages)):
        return None, ""
    return stem, languages[0] if languages else _UNDETERMINED


def _is_code(letters: str) -> bool:
    """Tell whether two letters are the code of a language."""
    from langcodes import tag_is_valid

    return tag_is_valid(letters)


def _numbered(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the subtitle files of a folder that belongs to one video, with their languages."""
    for name in filter(_is_subtitle, sorted(os.listdir(folder))):
        if numbered := _NUMBERED_LANGUAGE.fullmatch(_composed(Path(name).stem)):
            yield folder / name, numbered["language"]


def _is_subtitle(name: str) -> bool:
    return Path(name).suffix.lower().removeprefix(".") in subtitle_files.FORMATS


def _composed(name: str) -> str:
    """Return the composed spelling: some file systems and archives decompose names."""
    return unicodedata.normalize("NFC", name)
