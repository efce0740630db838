"""Parse subtitle files, each line once.

In: the text of a WebVTT or SRT file. Out: lines with times, each once. Automatic captions roll: every cue
repeats the line before it, and a line may grow word by word; what was shown before is left out.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

FORMATS = ("vtt", "srt")
"""Formats that are read, the preferred one first."""

_GAP_S = 2.0
"""After a longer pause, a repeated line was spoken again."""

_TAG = re.compile(
    r"</?(?:c|v|i|b|u|font|ruby|rt|lang)(?:[.\s][^<>]*)?>|<[\d:.]+>|\{\\[^{}]*\}", re.IGNORECASE
)
"""Tags of the formats, and nothing else: "IOP < 20, then > 30" holds none.

`{\\an8}` is a tag of a third format (ASS) that occurs in SRT files too.
"""


@dataclass(frozen=True, kw_only=True)
class SubtitleLine:
    """One line of subtitles, on the screen in [start_s, end_s)."""

    start_s: float
    end_s: float
    text: str


def read(text: str, format: str, *, rolling: bool = False) -> list[SubtitleLine]:
    """Parse a subtitle file into lines, in order of time; return none if it is malformed.

    Args:
        text: content of the file.
        format: one of `FORMATS`.
        rolling: remove the repeats of automatic captions. Manual subtitles are taken as they are: a speaker
            may say "good" three times.
    """
    import webvtt
    from webvtt.errors import MalformedFileError

    try:
        cues = webvtt.from_buffer(io.StringIO(text.lstrip("\ufeff")), format=format)
    except MalformedFileError:
        return []
    lines = [
        SubtitleLine(
            start_s=_seconds(cue.start), end_s=_seconds(cue.end), text=_TAG.sub("", cue.raw_text)
        )
        for cue in cues.captions
    ]
    valid = [line for line in lines if line.end_s > line.start_s]
    return without_repeats(valid) if rolling else _rows(valid)


def _rows(cues: Iterable[SubtitleLine]) -> list[SubtitleLine]:
    ordered = sorted(cues, key=lambda cue: (cue.start_s, cue.end_s))
    return [
        replace(cue, text=row)
        for cue in ordered
        for row in map(_clean, cue.text.split("\n"))
        if row
    ]


def without_repeats(cues: Iterable[SubtitleLine]) -> list[SubtitleLine]:
    """Return the lines of rolling cues, each where it first appears; a growing line is on until its end."""
    lines: list[SubtitleLine] = []
    shown: list[str] = []
    shown_until_s = 0.0
    for cue in sorted(cues, key=lambda cue: (cue.start_s, cue.end_s)):
        rows = [row for row in map(_clean, cue.text.split("\n")) if row]
        if cue.start_s - shown_until_s > _GAP_S:
            shown = []
        repeated = _overlap(shown, rows)
        if repeated and (repeated == len(rows) or rows[repeated - 1] != shown[-1]):
            end_s = max(lines[-1].end_s, cue.end_s)
            lines[-1] = replace(lines[-1], text=rows[repeated - 1], end_s=end_s)
        lines += [replace(cue, text=row) for row in rows[repeated:]]
        if rows:
            shown, shown_until_s = rows, max(shown_until_s, cue.end_s)
    return lines


def _overlap(shown: list[str], rows: list[str]) -> int:
    """Return how many of the first `rows` repeat the last ones of `shown`; the very last may have grown."""
    for length in range(min(len(shown), len(rows)), 0, -1):
        *before, last = shown[-length:]
        if rows[: length - 1] == before and f"{rows[length - 1]} ".startswith(f"{last} "):
            return length
    return 0


def _clean(row: str) -> str:
    """Return a line without entities, control characters and repeated spaces."""
    plain = html.unescape(row).replace("\u200b", "")
    return " ".join("".join(c if c.isprintable() else " " for c in plain).split())


def _seconds(stamp: str) -> float:
    """Parse `01:02:03.456` into seconds."""
    hours, minutes, seconds = stamp.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
