"""What became of source lines: what they lead to by now, and how that is committed.

This is the memory of `ophvl.run.line_runner`: it knows the rows of the folder, not how a line is asked.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ophvl.dataset.ledger import ColumnHashes, Entry, EntryOutcome
from ophvl.dataset.store import Store
from ophvl.run.unit_worker import check_rows
from ophvl.stage import SourceLine
from schemas.sources import SOURCES, SourceRow
from schemas.videos import VIDEOS
from schemas.vocab import Outcome

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_S = 1.0
_BATCH_LINES = 10_000


@dataclass(kw_only=True)
class KnownLines:
    """What the lines of the folder, of all its lists, lead to by now."""

    entries: dict[str, Entry]
    stored: dict[str, pa.Table]
    """The tables of the stage as they stood at the start."""
    numbers: dict[str, int]
    folded: dict[str, list[str]]
    """Line to the videos that it leads to and that another line brought in."""
    owner: dict[str, str]
    """Video to the line that brought it in."""
    fresh: dict[str, LineResult] = field(default_factory=dict)
    """Lines whose rows are others by now, as far as another line may hand videos on to them."""

    def leads_to(self, line_id: str) -> list[str]:
        return [*own_videos(self.entries.get(line_id)), *self.folded.get(line_id, ())]

    def failed(self, line_id: str) -> bool:
        entry = self.entries.get(line_id)
        return entry is not None and entry.outcome is EntryOutcome.FAILED

    def leads_nowhere(self, line_id: str) -> bool:
        """Whether it was folded into one that failed."""
        entry = self.entries.get(line_id)
        emitted = entry is not None and entry.outcome is EntryOutcome.EMITTED
        return emitted and not self.leads_to(line_id)

    def of_others(self, line: SourceLine, video_ids: Sequence[str]) -> list[str]:
        return [v for v in video_ids if self.owner.get(v, line.line_id) != line.line_id]

    def videos_of(self, line_id: str) -> pa.Table:
        """The videos that a line brought in."""
        if line_id in self.fresh:
            return self.fresh[line_id].videos
        if not own_videos(self.entries.get(line_id)):  # Spares a look through all of them.
            return self.stored["videos"].slice(0, 0)
        return of_lines(self.stored["videos"], [line_id])

    def take_in(self, done: LineResult) -> list[LineResult]:
        """Note what became of a line; return the lines that take over videos which it no longer leads to.

        They are committed with it, so that no video is without a line at any instant.
        """
        line_id = done.entry.unit
        known = own_videos(self.entries.get(line_id))
        lost = known.keys() - own_videos(done.entry).keys()
        rows = self.videos_of(line_id) if lost else done.videos
        self._note(done)
        heirs: dict[str, list[str]] = defaultdict(list)
        for other in sorted(self.folded, key=self.numbers.__getitem__) if lost else ():
            for video_id in lost.intersection(self.folded[other]):
                heirs[other].append(video_id)
                lost.remove(video_id)
        return [
            self._with_more(heir, _of_videos(rows, ids), {v: known[v] for v in ids})
            for heir, ids in heirs.items()
        ]

    def _note(self, done: LineResult) -> None:
        line_id, folded = done.entry.unit, done.row.folded_videos
        for video_id in own_videos(self.entries.get(line_id)):
            self.owner.pop(video_id, None)
        self.owner |= dict.fromkeys(own_videos(done.entry), line_id)
        self.entries[line_id] = done.entry
        self.numbers[line_id] = done.row.line_number
        self.folded.pop(line_id, None)
        if folded:
            self.folded[line_id] = list(folded)
        if folded or line_id in self.fresh:
            self.fresh[line_id] = done

    def _with_more(
        self, line_id: str, more: pa.Table, hashes: Mapping[str, ColumnHashes]
    ) -> LineResult:
        """A line that takes over known videos, so that nobody is asked."""
        import pyarrow as pa

        entry = self.entries[line_id]
        row = self.fresh[line_id].row if line_id in self.fresh else self._stored_row(line_id)
        place = more.schema.get_field_index("line_id")
        mine = more.set_column(place, more.schema.field(place), [[line_id] * more.num_rows])
        videos = pa.concat_tables([self.videos_of(line_id), mine])
        done = LineResult(
            # Which line brought a video in is nothing that later stages read.
            entry=replace(
                entry,
                rows={"sources": 1, "videos": videos.num_rows},
                hashes={"videos": {**own_videos(entry), **hashes}},
            ),
            row=replace(
                row,
                outcome=Outcome.EXPANDED if row.outcome == Outcome.FOLDED else row.outcome,
                units=videos.num_rows,
                folded_videos=[v for v in row.folded_videos if v not in hashes],
            ),
            videos=videos,
        )
        self.fresh[line_id] = done
        self._note(done)
        return done

    def _stored_row(self, line_id: str) -> SourceRow:
        (row,) = of_lines(self.stored["sources"], [line_id]).to_pylist()
        return SourceRow(**row)


@dataclass(frozen=True, kw_only=True)
class LineResult:
    """What became of one line, and the videos that it brought in."""

    entry: Entry
    row: SourceRow
    videos: pa.Table


@dataclass
class LineBatch:
    """Lines that are committed together."""

    store: Store
    stage: str
    written: set[str] = field(default_factory=set)
    """Lines that were committed and not compacted since: another result of theirs has to wait for that."""
    _lines: dict[str, LineResult] = field(default_factory=dict)
    _since: float = 0.0

    def add(self, done: Sequence[LineResult], *, at_once: bool) -> None:
        """Add lines that belong together."""
        fresh = {one.entry.unit: one for one in done}
        if not self.written.isdisjoint(fresh):
            self.commit()
            self.store.compact(self.stage)
            self.written.clear()
        if not self._lines:
            self._since = time.monotonic()
        self._lines |= fresh
        waited_s = time.monotonic() - self._since
        if at_once or waited_s > _BATCH_S or len(self._lines) >= _BATCH_LINES:
            self.commit()

    def commit(self) -> None:
        """Check the rows and make them durable."""
        import pyarrow as pa

        if not self._lines:
            return
        lines = list(self._lines.values())
        videos = pa.concat_tables([VIDEOS.empty(), *(d.videos for d in lines if d.videos.num_rows)])
        tables = {"sources": SOURCES.table([done.row for done in lines]), "videos": videos}
        check_rows(f"stage {self.stage}", tables)
        self.store.commit_batch([done.entry for done in lines], tables)
        self.written |= self._lines.keys()
        self._lines = {}


def own_videos(entry: Entry | None) -> Mapping[str, ColumnHashes]:
    """The videos that a line brought in, with the hashes of their columns."""
    return entry.hashes.get("videos", {}) if entry else {}


def of_lines(rows: pa.Table, line_ids: Collection[str]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    value_set = pa.array(sorted(line_ids), pa.string())
    return rows.filter(pc.is_in(rows.column("line_id"), value_set=value_set))


def _of_videos(rows: pa.Table, video_ids: Collection[str]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    value_set = pa.array(sorted(video_ids), pa.string())
    return rows.filter(pc.is_in(rows.column("video_id"), value_set=value_set))
