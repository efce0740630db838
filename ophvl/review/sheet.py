"""The sheet: readings of the toolkit for people to judge, one a row, sampled by stratum.

Readings come from the tables `narrations` and `attributes`. A stratum is a kind of attribute, `edit`
(corrections, not hesitations) or `narration` (descriptive or not).
"""

from __future__ import annotations

import csv
import hashlib
import heapq
import io
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ophvl.dataset.overrides import Override, attribute_value
from ophvl.errors import UsageError
from ophvl.text.narration.disfluencies import RULES as DISFLUENCY_RULES
from ophvl.unicode import normalise
from schemas.vocab import Kind, NarrationReading, Target, TextColumn

if TYPE_CHECKING:
    import pyarrow as pa

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
"""A spreadsheet could run a cell that begins so as a formula; it is written after a quote mark."""
_BATCH = 10_000


class Judgement(StrEnum):
    """A reader's judgement of an item; an empty cell is not judged yet."""

    RIGHT = "right"
    WRONG = "wrong"
    UNSURE = "unsure"


@dataclass(frozen=True, kw_only=True)
class Item:
    """One reading. The fields are the columns of the sheet.

    `value` is what was read from `surface` in `text`: the label of an attribute (after "no" or "if" where
    it is negated or hypothetical), the words that an edit wrote, or how a narration, which is all of its
    text, was read. `stratum_size` counts the readings it was sampled from.
    """

    item_id: str
    stratum: str
    stratum_size: int
    video_id: str
    start_s: float
    end_s: float
    text: str
    surface: str
    value: str
    note: str
    start: int
    end: int
    reader: str = ""
    judgement: Judgement | None = None
    comment: str = ""

    @property
    def target(self) -> Target:
        """Return the kind of reading."""
        if self.stratum in (Target.EDIT, Target.NARRATION):
            return Target(self.stratum)
        return Target.ATTRIBUTE

    def override(self) -> Override:
        """Return the override that marks this reading as wrong."""
        return Override.of(
            self.text,
            video_id=self.video_id,
            target=self.target,
            kind=Kind(self.stratum) if self.target is Target.ATTRIBUTE else None,
            start=self.start,
            end=self.end,
            value=self.value,
        )


COLUMNS = tuple(field.name for field in fields(Item))


def draw(items: Iterable[Item], count: int, *, stratified: bool, seed: int = 0) -> list[Item]:
    """Sample `count` items, each with the size of its stratum.

    If stratified, every stratum gives equally many; what a small one lacks is shared among the others.
    """
    sizes: Counter[str] = Counter()
    sampled: dict[str, list[tuple[float, Item]]] = defaultdict(list)
    generator = random.Random(seed)
    for item in items:  # The `count` items of a stratum with the largest numbers: a uniform sample.
        sizes[item.stratum] += 1
        entry = (generator.random(), item)
        if len(sampled[item.stratum]) < count:
            heapq.heappush(sampled[item.stratum], entry)
        else:
            heapq.heappushpop(sampled[item.stratum], entry)
    if stratified:
        drawn: list[Item] = []
        by_size = sorted(sampled, key=lambda name: (len(sampled[name]), name))
        for index, name in enumerate(by_size):
            share = (count - len(drawn)) // (len(by_size) - index)
            drawn += [item for _, item in heapq.nlargest(share, sampled[name])]
    else:
        everything = [entry for name in sorted(sampled) for entry in sampled[name]]
        drawn = [item for _, item in heapq.nlargest(count, everything)]
    return [replace(item, stratum_size=sizes[item.stratum]) for item in drawn]


def readings(
    narrations: pa.Table, attributes: pa.Table, *, min_descriptive_score: float
) -> Iterator[Item]:
    """Yield every reading of a dataset: narrations, their edits, the attributes of their texts.

    Raises:
        UsageError: the attributes belong to other narrations than these.
    """
    spans: dict[str, tuple[str, float, float]] = {}
    for row in _rows(narrations):
        spans[row["narration_id"]] = row["text"], row["start_s"], row["end_s"]
        span = {"video_id": row["video_id"], "start_s": row["start_s"], "end_s": row["end_s"]}
        descriptive = row["descriptive_score"] >= min_descriptive_score
        yield _item(
            **span,
            stratum=Target.NARRATION,
            text=row["text_asr"],
            surface=row["text_asr"],
            value=NarrationReading.DESCRIPTIVE if descriptive else NarrationReading.OTHER,
            note=f"score {row['descriptive_score']:.2f}",
            start=0,
            end=len(row["text_asr"]),
        )
        for edit in row["edits"]:
            if edit["rule"] not in DISFLUENCY_RULES:
                yield _item(
                    **span,
                    stratum=Target.EDIT,
                    text=row["text_asr"],
                    surface=edit["from"],
                    value=edit["to"],
                    note=f"rule {edit['rule']}, score {edit['score']:.2f}",
                    start=edit["start"],
                    end=edit["end"],
                )
    for row in _rows(attributes):
        if row["text_column"] != TextColumn.TEXT:
            continue
        text, start_s, end_s = spans.get(row["text_id"], ("", 0.0, 0.0))
        if text[row["start"] : row["end"]] != row["surface"]:
            raise UsageError(
                f"attribute {row['attribute_id']} was read from another text than narration "
                f"{row['text_id']} holds now; run `ophvl build-pairs` to the end first"
            )
        yield _item(
            video_id=row["video_id"],
            start_s=start_s,
            end_s=end_s,
            stratum=row["kind"],
            text=text,
            surface=row["surface"],
            value=attribute_value(
                row["label"], negated=row["negated"], hypothetical=row["hypothetical"]
            ),
            note=f"score {row['score']:.2f}",
            start=row["start"],
            end=row["end"],
        )


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches(max_chunksize=_BATCH):
        yield from batch.to_pylist()


def to_csv(items: Sequence[Item]) -> str:
    """Return the sheet as CSV, safe to open in a spreadsheet."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for item in items:
        writer.writerow(_escape(getattr(item, name)) for name in COLUMNS)
    return file.getvalue()


def from_csv(path: Path) -> list[Item]:
    """Read a judged sheet. Rows without a reader's name belong to the reader that the file is named after.

    Raises:
        UsageError: the file is no such sheet, or a row was changed beyond its last three columns.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as err:
        raise UsageError(f"cannot read the sheet {path}: {err}") from err
    if not rows or tuple(rows[0]) != COLUMNS:
        raise UsageError(
            f"{path} is no review sheet: its first line must be {','.join(COLUMNS)}; "
            "judge a sheet that `ophvl review export` wrote, saved as CSV with commas"
        )
    items = [_parse(row, f"{path}:{number}") for number, row in enumerate(rows[1:], start=2) if row]
    return [replace(item, reader=item.reader or path.stem) for item in items]


def _parse(row: Sequence[str], where: str) -> Item:
    if len(row) != len(COLUMNS):
        raise UsageError(f"{where}: {len(row)} cells, expected {len(COLUMNS)}")
    cells = dict(zip(COLUMNS, map(_unescape, row), strict=True))
    item = _reading(cells, where)
    if item.item_id != cells["item_id"]:
        # A program may have decomposed the letters, or replaced the quotes, of a text of the tables.
        cells = {name: normalise(cell) for name, cell in cells.items()}
        item = _reading(cells, where)
    if item.item_id != cells["item_id"]:
        raise UsageError(
            f"{where}: the reading itself was changed (by the spreadsheet?), so the judgement cannot be "
            "placed; fill in only reader, judgement and comment, or judge on the HTML page"
        )
    judgement = cells["judgement"].strip().lower()
    if judgement and judgement not in list(Judgement):
        raise UsageError(
            f"{where}: judgement '{judgement}' is not one of {', '.join(Judgement)} or empty"
        )
    return replace(
        item,
        reader=normalise(cells["reader"]).strip(),
        judgement=Judgement(judgement) if judgement else None,
        comment=normalise(cells["comment"]),
    )


def _reading(cells: Mapping[str, str], where: str) -> Item:
    """Return the reading in the cells of a row, without a judgement."""
    try:
        item = _item(
            stratum=cells["stratum"],
            video_id=cells["video_id"],
            start_s=float(cells["start_s"]),
            end_s=float(cells["end_s"]),
            text=cells["text"],
            surface=cells["surface"],
            value=cells["value"],
            note=cells["note"],
            start=int(cells["start"]),
            end=int(cells["end"]),
        )
        size = int(cells["stratum_size"])
    except ValueError as err:
        raise UsageError(f"{where}: {err}") from err
    return replace(item, stratum_size=size)


def _item(
    *,
    stratum: str,
    video_id: str,
    start_s: float,
    end_s: float,
    text: str,
    surface: str,
    value: str,
    note: str,
    start: int,
    end: int,
) -> Item:
    key = json.dumps([stratum, video_id, start_s, text, surface, value, start, end])
    return Item(
        item_id=hashlib.sha256(key.encode()).hexdigest()[:12],
        stratum=stratum,
        stratum_size=0,
        video_id=video_id,
        start_s=start_s,
        end_s=end_s,
        text=text,
        surface=surface,
        value=value,
        note=note,
        start=start,
        end=end,
    )


def _escape(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _unescape(cell: str) -> str:
    return cell[1:] if cell.startswith("'") else cell
