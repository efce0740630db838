"""Readings that people judged wrong, stored in the dataset folder as `overrides.jsonl`.

One JSON object a line, so that the file can be read, edited and put under version control. Stage `review`
copies each video's rows to table `overrides`; a video whose rows did not change is not done again. An
override names the words that were read and two words on either side, not a position in a text, so that it
still applies when a rebuild cuts or corrects the narrations differently.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from ophvl.atomic_io import write_text
from ophvl.errors import UsageError
from ophvl.stage import Drop
from ophvl.text.words import words_of
from ophvl.unicode import normalise
from schemas.vocab import DropReason, Kind, NarrationReading, Target

FILE = "overrides.jsonl"

_CONTEXT_WORDS = 2
_SAME_CONTEXT = 85.0
"""Per cent of letters: "caratome through" is "keratome through", but "is in" is not "is on"."""
_SHOWN = 60
_SAME_NARRATION = 0.8
"""Two texts that share so many of their words are the same narration, cut or transcribed differently."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Override:
    """One wrong reading; the fields are the columns of table `overrides`.

    `value` is what was read from `surface`, between the words `before` and `after`, all in small letters
    and without punctuation. For a narration, `surface` is all of its words.
    """

    video_id: str
    target: Target
    kind: Kind | None
    before: str
    surface: str
    after: str
    value: str

    def __post_init__(self) -> None:
        # People edit the file, and their editor may spell a text otherwise than the tables do.
        for name in ("before", "surface", "after", "value"):
            if isinstance(text := getattr(self, name), str):  # `_check` refuses anything else.
                object.__setattr__(self, name, normalise(text))

    @classmethod
    def of(
        cls,
        text: str,
        *,
        video_id: str,
        target: Target,
        kind: Kind | None,
        start: int,
        end: int,
        value: str,
    ) -> Override:
        """Return an override that says: `value` is a wrong reading of `text[start:end]`.

        `text` is `text_asr` for edits and narrations (all of it: 0 to its length), `text` for attributes.
        """
        surface = text[start:end]
        return cls(
            video_id=video_id,
            target=target,
            kind=kind,
            before=" ".join(words_of(text[:start])[-_CONTEXT_WORDS:]),
            surface=" ".join(words_of(surface)) or surface.strip(),
            after=" ".join(words_of(text[end:])[:_CONTEXT_WORDS]),
            value=value,
        )


def attribute_value(label: str, *, negated: bool, hypothetical: bool) -> str:
    """Return what a reader judges of an attribute: its label, and whether the text affirms it."""
    if negated:
        return f"no {label}"
    return f"if {label}" if hypothetical else label


class Judged:
    """The judgements of readers on one video, to be looked up for each reading.

    Args:
        rows: rows of table `overrides`.
        targets: what the stage reads; rows with another target are ignored.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]], *targets: Target) -> None:
        names = [field.name for field in fields(Override)]
        self._rows = {
            row["override_id"]: Override(**{name: row[name] for name in names})
            for row in rows
            if row["target"] in targets
        }
        self._matched: set[str] = set()

    def drops(self) -> tuple[Drop, ...]:
        """Return a drop for each row that matched no reading so far, so that this is reported."""
        return tuple(
            Drop(
                row_id=row_id,
                reason=DropReason.OVERRIDE_UNMATCHED,
                message=f"no {row.target} reads {row.surface[:_SHOWN]!r} as {row.value[:_SHOWN]!r} any more",
            )
            for row_id, row in self._rows.items()
            if row_id not in self._matched
        )

    def is_wrong(
        self, text: str, *, target: Target, kind: Kind | None, start: int, end: int, value: str
    ) -> bool:
        """Tell whether a reader judged this reading of an edit or attribute wrong; see `Override.of`."""
        if not self._rows:
            return False
        reading = Override.of(
            text, video_id="", target=target, kind=kind, start=start, end=end, value=value
        )
        matches = [row_id for row_id, row in self._rows.items() if _same_reading(row, reading)]
        self._matched.update(matches)
        return bool(matches)

    def narration(self, text_asr: str) -> NarrationReading | None:
        """Return how readers judged that a narration reads; None where they did not judge it."""
        words = words_of(text_asr)
        for row_id, row in self._rows.items():
            if row.target == Target.NARRATION and _same_narration(row.surface.split(), words):
                self._matched.add(row_id)
                wrong = NarrationReading(row.value)
                return next(reading for reading in NarrationReading if reading != wrong)
        return None


def _same_reading(one: Override, other: Override) -> bool:
    """Tell whether the same words are read the same way, with the same words before or after them."""
    if (one.target, one.kind, one.surface, one.value) != (
        other.target,
        other.kind,
        other.surface,
        other.value,
    ):
        return False
    if (one.before, one.after) == (other.before, other.after):
        return True
    return _same_side(one.before, other.before) or _same_side(one.after, other.after)


def _same_side(one: str, other: str) -> bool:
    """Tell whether two contexts, both of full length, are equal but for a recognition error."""
    from rapidfuzz import fuzz  # Part of extra curate; without it a folder can still be inspected.

    full = all(side.count(" ") + 1 == _CONTEXT_WORDS for side in (one, other))
    return full and fuzz.ratio(one, other) >= _SAME_CONTEXT


def _same_narration(one: Sequence[str], other: Sequence[str]) -> bool:
    shared = (Counter(one) & Counter(other)).total()
    return 2 * shared >= _SAME_NARRATION * (len(one) + len(other))


@dataclass(frozen=True)
class Overrides:
    """The overrides of one dataset folder, as of their first read (a port of stage `review`)."""

    path: Path

    @cached_property
    def revision(self) -> str:
        """Return a hash of the file."""
        return hashlib.sha256(self._text.encode()).hexdigest()[:16]

    def of(self, video_id: str) -> tuple[Override, ...]:
        """Return the overrides of one video, in the order of the file.

        Raises:
            UsageError: the file cannot be read, or a line of it is at fault.
        """
        return self._by_video.get(video_id, ())

    def updated(self, wrong: Iterable[Override], right: Iterable[Override]) -> tuple[Override, ...]:
        """Return all overrides with `wrong` added, and without those that are now judged `right`."""
        withdrawn = set(right)
        return tuple(row for row in dict.fromkeys([*self._rows, *wrong]) if row not in withdrawn)

    @cached_property
    def _text(self) -> str:
        try:
            return self.path.read_text(encoding="utf-8") if self.path.is_file() else ""
        except (OSError, UnicodeDecodeError) as err:
            raise UsageError(f"cannot read {self.path}: {err}; correct or remove the file") from err

    @cached_property
    def _rows(self) -> tuple[Override, ...]:
        lines = enumerate(self._text.split("\n"), start=1)  # JSON leaves other line ends unescaped.
        return tuple(self._parse(line, number) for number, line in lines if line.strip())

    @cached_property
    def _by_video(self) -> Mapping[str, tuple[Override, ...]]:
        grouped: dict[str, tuple[Override, ...]] = {}
        for row in self._rows:
            grouped[row.video_id] = (*grouped.get(row.video_id, ()), row)
        return grouped

    def _parse(self, line: str, number: int) -> Override:
        try:
            values = json.loads(line)
            kind = values.pop("kind")
            target = Target(values.pop("target"))
            row = Override(target=target, kind=Kind(kind) if kind else None, **values)
            _check(row)
        except (ValueError, TypeError, KeyError, AttributeError) as err:
            raise UsageError(
                f"{self.path}:{number} is no override ({err}); correct or remove the line"
            ) from err
        return row


def _check(row: Override) -> None:
    """Raise ValueError or TypeError on what a mistake in editing may have left."""
    for name in ("video_id", "before", "surface", "after", "value"):
        if not isinstance(getattr(row, name), str):
            raise TypeError(f"{name} must be text")
    if not row.surface.strip() or not row.video_id.strip():
        raise ValueError("surface and video_id must not be blank")
    if (row.kind is not None) != (row.target is Target.ATTRIBUTE):
        raise ValueError("kind belongs to attributes, and to them alone")
    if row.target is Target.NARRATION:
        NarrationReading(row.value)


def write_overrides(path: Path, rows: Iterable[Override]) -> None:
    """Replace the file at `path` by `rows`."""
    write_text(path, "".join(json.dumps(asdict(r), ensure_ascii=False) + "\n" for r in rows))
