"""Subtitle files next to a local video: `<stem>.vtt`, `<stem>.en.vtt`, `<stem>.srt`.

In: a video's path. Out: the lines of its subtitle files.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from ophvl.download import subtitle_files
from ophvl.ports import Subtitle
from schemas.vocab import CaptionKind

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]+)*")
"""`en`, `pt-BR`: what the stem of a subtitle file may end with."""

_UNDETERMINED = "und"


def read_sidecar_subtitles(video: Path) -> tuple[Subtitle, ...]:
    """Return the subtitles next to a video, as manual ones; what cannot be read is left out."""
    subtitles: list[Subtitle] = []
    folder = video.parent
    for name, language in _by_stem(folder, folder.stat().st_mtime_ns).get(video.stem, ()):
        path = folder / name
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:  # A folder or a dangling link: the video itself is usable.
            continue
        subtitles += [
            Subtitle(
                kind=CaptionKind.MANUAL,
                language=language,
                start_s=line.start_s,
                end_s=line.end_s,
                text=line.text,
            )
            for line in subtitle_files.read(text, _format(path))
        ]
    return tuple(subtitles)


@lru_cache(maxsize=4)
def _by_stem(folder: Path, changed_ns: int) -> Mapping[str, list[tuple[str, str]]]:
    """Return names and languages of subtitle files by the stem of their video.

    A folder is listed once, not once a video: it may hold 44,290 of them. `changed_ns` is part of the
    cache key.
    """
    paths = [Path(path.name) for path in sorted(folder.iterdir())]
    others = {path.stem for path in paths if _format(path) not in subtitle_files.FORMATS}
    by_stem: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for path in paths:
        if _format(path) not in subtitle_files.FORMATS:
            continue
        stem, _, language = path.stem.rpartition(".")
        if path.stem not in others and stem in others and _LANGUAGE.fullmatch(language):
            by_stem[stem].append((path.name, language))
        else:
            by_stem[path.stem].append((path.name, _UNDETERMINED))
    return by_stem


def _format(path: Path) -> str:
    return path.suffix.lower().removeprefix(".")
