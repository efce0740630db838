"""The sheet: readings of the toolkit, drawn by stratum, one a row, for people to judge.

In: the tables `narrations` and `attributes`. Out: items, and the same as CSV. A stratum is a kind of
attribute, `edit` (corrections, not hesitations) or `narration` (descriptive or not).
"""

from __future__ import annotations

import csv
import hashlib
import heapq
import io
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ophvl.dataset.overrides import Override, attribute_value
from ophvl.errors import UsageError
from ophvl.text.narration.disfluencies import RULES as DISFLUENCY_RULES
from schemas.vocab import Kind, NarrationReading, Target, TextColumn

if TYPE_CHECKING:
    import pyarrow as pa

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
"""A cell that begins so could be run as a formula by a spreadsheet; it is written behind a quote mark."""


_BATCH = 10_000


class Judgement(StrEnum):
    """What a reader says of an item; an empty cell is not judged yet."""

    RIGHT = "right"
    WRONG = "wrong"
    UNSURE = "unsure"


@dataclass(frozen=True, kw_only=True)
class Item:
    """One reading. The fields are the columns of the sheet.

    `text` was read; `value` is what was read from `surface` in it: the label of an attribute (after "no"
    or "if" where the text does not affirm it), the words that an edit wrote, or how a narration, which is
    all of its text, was read. `stratum_size` counts the readings it was drawn from.
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
        if self.stratum in (Target.EDIT, Target.NARRATION):
            return Target(self.stratum)
        return Target.ATTRIBUTE

    def override(self) -> Override:
        """The item as a reading that is wrong."""
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
    """`count` items at random, each with the size of its stratum.

    Stratified, every stratum gives equally many; what a small one lacks is shared among the others.
    """
    sizes: Counter[str] = Counter()
    kept: dict[str, list[tuple[float, Item]]] = defaultdict(list)
    dice = random.Random(seed)
    for item in items:  # Of each stratum the `count` items with the largest numbers: a fair draw.
        sizes[item.stratum] += 1
        entry = (dice.random(), item)
        if len(kept[item.stratum]) < count:
            heapq.heappush(kept[item.stratum], entry)
        else:
            heapq.heappushpop(kept[item.stratum], entry)
    if stratified:
        drawn: list[Item] = []
        by_size = sorted(kept, key=lambda name: (len(kept[name]), name))
        for place, name in enumerate(by_size):
            share = (count - len(drawn)) // (len(by_size) - place)
            drawn += [item for _, item in heapq.nlargest(share, kept[name])]
    else:
        everything = [entry for name in sorted(kept) for entry in kept[name]]
        drawn = [item for _, item in heapq.nlargest(count, everything)]
    return [replace(item, stratum_size=sizes[item.stratum]) for item in drawn]


def readings(
    narrations: pa.Table, attributes: pa.Table, *, min_descriptive_score: float
) -> Iterator[Item]:
    """Every reading of a dataset: narrations, their edits, the attributes of their texts.

    Raises:
        UsageError: the attributes were read from other narrations than these.
    """
    spans: dict[str, tuple[str, float, float]] = {}
    for row in _rows(narrations):
        spans[row["narration_id"]] = row["text"], row["start_s"], row["end_s"]
        place = {"video_id": row["video_id"], "start_s": row["start_s"], "end_s": row["end_s"]}
        descriptive = row["descriptive_score"] >= min_descriptive_score
        yield _item(
            **place,
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
                    **place,
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
    """The sheet as CSV, safe to open in a spreadsheet."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for item in items:
        writer.writerow(_guarded(getattr(item, name)) for name in COLUMNS)
    return file.getvalue()


def from_csv(path: Path) -> list[Item]:
    """Read a judged sheet. Rows without a reader's name are by the reader that the file is named after.

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
    cells = dict(zip(COLUMNS, map(_bare, row), strict=True))
    judged = cells["judgement"].strip().lower()
    if judged and judged not in list(Judgement):
        raise UsageError(
            f"{where}: judgement '{judged}' is not one of {', '.join(Judgement)} or empty"
        )
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
    if item.item_id != cells["item_id"]:
        raise UsageError(
            f"{where}: the reading itself was changed (by the spreadsheet?), so the judgement cannot be "
            "placed; fill in only reader, judgement and comment, or judge on the HTML page"
        )
    return replace(
        item,
        stratum_size=size,
        reader=cells["reader"].strip(),
        judgement=Judgement(judged) if judged else None,
        comment=cells["comment"],
    )


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


def _guarded(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _bare(cell: str) -> str:
    return cell[1:] if cell.startswith("'") else cell
