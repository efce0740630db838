"""Readings that people judged wrong, kept in the dataset folder as `overrides.jsonl`.

One JSON object a line, so that the file can be read, mended and kept under version control. Stage
`review` passes each video's rows on as table `overrides`; a video whose rows did not change is not
done again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from ophvl.atomic import write_text
from ophvl.errors import UsageError
from schemas.vocab import Kind, Target

FILE = "overrides.jsonl"


@dataclass(frozen=True, kw_only=True, slots=True)
class Override:
    """One wrong reading; the fields are the columns of table `overrides`."""

    video_id: str
    target: Target
    text: str
    kind: Kind | None
    start: int | None
    end: int | None
    value: str


@dataclass(frozen=True)
class Overrides:
    """The overrides of one dataset folder, as they were when first read (a port of stage `review`)."""

    path: Path

    @cached_property
    def revision(self) -> str:
        return hashlib.sha256(self._text.encode()).hexdigest()[:16]

    def of(self, video_id: str) -> tuple[Override, ...]:
        """Those of one video, in the order of the file.

        Raises:
            UsageError: a line of the file is at fault.
        """
        return self._by_video.get(video_id, ())

    def updated(self, wrong: Iterable[Override], right: Iterable[Override]) -> tuple[Override, ...]:
        """All overrides with `wrong` added, and without those that are now judged `right`."""
        withdrawn = set(right)
        return tuple(row for row in dict.fromkeys([*self._rows, *wrong]) if row not in withdrawn)

    @cached_property
    def _text(self) -> str:
        return self.path.read_text(encoding="utf-8") if self.path.is_file() else ""

    @cached_property
    def _rows(self) -> tuple[Override, ...]:
        lines = enumerate(self._text.split("\n"), start=1)  # JSON leaves other line ends unescaped.
        return tuple(self._parse(line, number) for number, line in lines if line)

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
            return Override(
                target=Target(values.pop("target")), kind=Kind(kind) if kind else None, **values
            )
        except (ValueError, TypeError, KeyError, AttributeError) as err:
            raise UsageError(
                f"{self.path}:{number} is no override ({err}); mend or remove the line"
            ) from err


def write_overrides(path: Path, rows: Iterable[Override]) -> None:
    """Write `rows` in place of the file at `path`."""
    write_text(path, "".join(json.dumps(asdict(r), ensure_ascii=False) + "\n" for r in rows))
