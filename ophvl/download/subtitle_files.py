"""Subtitles as a site offers them, to the lines that are said.

In: the text of a WebVTT or SRT file. Out: lines with times, each once. Automatic captions roll: every cue
shows the line before it once more, and a line may grow word by word; what was shown already is left out.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

FORMATS = ("vtt", "srt")
"""What is read, the better first."""

_GAP_S = 2.0
"""A line that comes again after a longer pause is said again."""

_TAG = re.compile(
    r"</?(?:c|v|i|b|u|font|ruby|rt|lang)(?:[.\s][^<>]*)?>|<[\d:.]+>|\{\\[^{}]*\}", re.IGNORECASE
)
"""Marks of the formats, and nothing else: in "IOP < 20, then > 30" nothing is one.

`{\\an8}` is one of a third format (ASS), which makers of SRT files use too.
"""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line on the screen in [start_s, end_s)."""

    start_s: float
    end_s: float
    text: str


def read(text: str, format: str, *, rolling: bool = False) -> list[Line]:
    """The lines of a subtitle file in order of time; none where it is none.

    What people wrote is taken as it stands: who says "good" three times has said it three times.
    """
    import webvtt
    from webvtt.errors import MalformedFileError

    try:
        cues = webvtt.from_buffer(io.StringIO(text.lstrip("\ufeff")), format=format)
    except MalformedFileError:
        return []
    lines = [
        Line(start_s=_seconds(cue.start), end_s=_seconds(cue.end), text=_TAG.sub("", cue.raw_text))
        for cue in cues.captions
    ]
    fit = [line for line in lines if line.end_s > line.start_s]
    return once(fit) if rolling else _rows(fit)


def _rows(cues: Iterable[Line]) -> list[Line]:
    ordered = sorted(cues, key=lambda cue: (cue.start_s, cue.end_s))
    return [
        replace(cue, text=row)
        for cue in ordered
        for row in map(_clean, cue.text.split("\n"))
        if row
    ]


def once(cues: Iterable[Line]) -> list[Line]:
    """Lines of rolling cues, each when it first appears; the times of a line that grows are joined."""
    made: list[Line] = []
    shown: list[str] = []
    shown_until_s = 0.0
    for cue in sorted(cues, key=lambda cue: (cue.start_s, cue.end_s)):
        rows = [row for row in map(_clean, cue.text.split("\n")) if row]
        if cue.start_s - shown_until_s > _GAP_S:
            shown = []
        kept = _overlap(shown, rows)
        if kept and (kept == len(rows) or rows[kept - 1] != shown[-1]):
            end_s = max(made[-1].end_s, cue.end_s)
            made[-1] = replace(made[-1], text=rows[kept - 1], end_s=end_s)
        made += [replace(cue, text=row) for row in rows[kept:]]
        if rows:
            shown, shown_until_s = rows, max(shown_until_s, cue.end_s)
    return made


def _overlap(shown: list[str], rows: list[str]) -> int:
    """How many of the first rows were the last ones shown, the very last of which may have grown."""
    for length in range(min(len(shown), len(rows)), 0, -1):
        *before, last = shown[-length:]
        if rows[: length - 1] == before and f"{rows[length - 1]} ".startswith(f"{last} "):
            return length
    return 0


def _clean(row: str) -> str:
    """A line as plain words: without entities, control characters and double blanks."""
    plain = html.unescape(row).replace("\u200b", "")
    return " ".join("".join(c if c.isprintable() else " " for c in plain).split())


def _seconds(stamp: str) -> float:
    """`01:02:03.456` in seconds."""
    hours, minutes, seconds = stamp.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
