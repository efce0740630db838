"""Decode and parse subtitle files, each line once.

In: the content of a WebVTT or SRT file. Out: lines with times, each once. Automatic captions roll: every cue
repeats the line before it, and a line may grow word by word; what was shown before is left out.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ophvl.unicode import normalise, normalise_markup

FORMATS = ("vtt", "srt")
"""Formats that are read, the preferred one first."""

_BYTE_ORDER_MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\x00\x00": "utf-32",  # Before UTF-16, whose mark it begins with.
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_ENCODINGS = [
    "cp1252",
    "gb18030",
    "cp1251",
    "shift_jis",
    "big5",
    "euc_kr",
    "cp1256",
    "cp1250",
    "cp1254",
]
"""Encodings of subtitle files besides Unicode, the likelier first.

Short texts do not tell Latin ones apart: these are read as Western.
"""

_FEW = 100
"""One byte of so many may be zero in a text that a disk or a tool damaged; in UTF-16 it is every second."""

_TIME = re.compile(r"(-)?(?:(\d{1,4}):)?(\d{1,3}):(\d{1,2})(?:[.,] ?(\d{1,9}))?(?=\s|$)")
_MAX_SECONDS = 60
_LINE_BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)
_BLOCKS = ("NOTE", "STYLE", "REGION")

_Span = tuple[float | None, float | None]
"""Start and end; None for one that cannot be read, but not for both."""

_OPEN_S = 5.0
"""How long a line is shown at most that has no start or no end."""

_GAP_S = 2.0
"""After a longer pause, a repeated line was spoken again."""

_TAG = re.compile(
    r"</?(?:c|v|i|b|u|s|p|em|strong|span|div|font|ruby|rt|lang)(?:[.\s][^<>]*)?>|<[\d:.]+>|\{\\[^{}]*\}",
    re.IGNORECASE,
)
"""Tags of the formats and of pages they come from, and nothing else: "IOP < 20, then > 30" holds none.

`{\\an8}` is a tag of a third format (ASS) that occurs in SRT files too.
"""


@dataclass(frozen=True, kw_only=True)
class SubtitleLine:
    """One line of subtitles, on the screen in [start_s, end_s)."""

    start_s: float
    end_s: float
    text: str


def decode(content: bytes) -> str | None:
    """Return the text of a subtitle file, whose encoding no header names; None if it is no text."""
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            return content.decode(encoding, errors="replace")
    if 0 < content.count(b"\0") < len(content) // _FEW:
        content = content.replace(b"\0", b"")
    with contextlib.suppress(UnicodeDecodeError):
        text = content.decode()
        if "\0" not in text:
            return text
    for encoding in ("utf-16-le", "utf-16-be"):
        arrow = content.find("-->".encode(encoding))
        if arrow >= 0 and arrow % 2 == 0:
            return content.decode(encoding, errors="replace")
    if b"-->" not in content or b"\0" in content:
        return None
    import charset_normalizer

    # Numbers and times say nothing of the encoding. Of equally likely ones the first of the list is taken.
    telling = b"\n".join(line for line in content.splitlines() if not line.isascii())
    matches = charset_normalizer.from_bytes(telling, cp_isolation=_ENCODINGS)
    ordered = sorted(matches, key=lambda m: (m.chaos, _ENCODINGS.index(m.encoding)))
    return content.decode(ordered[0].encoding, errors="replace") if ordered else None


def read(text: str, *, rolling: bool = False) -> list[SubtitleLine]:
    """Parse WebVTT or SRT into lines, in order of time.

    Files of many tools leave out the header, numbers or blank lines, or write times of the other format. So
    whatever stands between one line of times and the next is the text of a cue. A cue of which one time
    cannot be read ends or begins with its neighbour; one that ends before it begins is left out.

    Args:
        text: content of the file.
        rolling: remove the repeats of automatic captions. Manual subtitles are taken as they are: a speaker
            may say "good" three times.
    """
    cues = list(_cues(text))
    return without_repeats(cues) if rolling else _rows(cues)


def _cues(text: str) -> Iterator[SubtitleLine]:
    """Yield the cues whose times can be read, with all their rows as text."""
    lines = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    timings = [(number, span) for number, line in enumerate(lines) if (span := _span(line))]
    ends = [number for number, _ in timings[1:]] + [len(lines)]
    spans = _whole_spans([span for _, span in timings])
    for (number, _), (start_s, end_s), end in zip(timings, spans, ends, strict=False):
        rows = lines[number + 1 : end]
        if end < len(lines):
            rows = _without_identifier(rows)
        if end_s <= max(0.0, start_s):
            continue
        text = _TAG.sub("", _LINE_BREAK.sub("\n", "\n".join(_without_blocks(rows))))
        yield SubtitleLine(start_s=max(0.0, start_s), end_s=end_s, text=text)


def _whole_spans(spans: Sequence[_Span]) -> Iterator[tuple[float, float]]:
    """Yield the spans; one without start or end touches its neighbour, and lasts `_OPEN_S` at most."""
    shown_until_s = 0.0
    for index, (start_s, end_s) in enumerate(spans):
        next_s = spans[index + 1][0] if index + 1 < len(spans) else None
        if start_s is None:
            assert end_s is not None
            start_s = max(shown_until_s, end_s - _OPEN_S)
        elif end_s is None:
            end_s = min(math.inf if next_s is None else next_s, start_s + _OPEN_S)
        shown_until_s = end_s
        yield start_s, end_s


def _span(line: str) -> _Span | None:
    """Return start and end that a line of times names; None for other lines."""
    if "-->" not in line:
        return None
    before, _, after = normalise(line).partition("-->")  # Without marks of direction.
    start_s, end_s = _seconds(before), _seconds(after)
    return None if start_s is None and end_s is None else (start_s, end_s)


def _without_identifier(rows: list[str]) -> list[str]:
    """Remove the number or name of the next cue from the end of a cue's rows."""
    if rows and (rows[-1].strip().isdecimal() or (len(rows) > 2 and not rows[-2].strip())):
        return rows[:-1]
    return rows


def _without_blocks(rows: list[str]) -> Iterator[str]:
    """Leave out comments, styles and regions of WebVTT, each of which ends with a blank line."""
    skipping, after_blank = False, True
    for row in rows:
        blank = not row.strip()
        if after_blank and row.startswith(_BLOCKS):
            skipping = True
        skipping = skipping and not blank
        if not skipping:
            yield row
        after_blank = blank


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
    plain = normalise_markup(row)
    return " ".join("".join(c if c.isprintable() else " " for c in plain).split())


def _seconds(text: str) -> float | None:
    """Read the time that a text begins with, as `01:02:03.456`, `02:03,456` or `-00:01.000`; None without."""
    match = _TIME.match(text.strip())
    if not match:
        return None
    sign, hours, minutes, seconds, fraction = match.groups()
    if int(seconds) > _MAX_SECONDS:
        return None
    value = int(hours or 0) * 3600 + int(minutes) * 60 + float(f"{seconds}.{fraction or 0}")
    return -value if sign else value
