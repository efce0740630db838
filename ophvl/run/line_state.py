"""The videos that source lines lead to, as far as the folder knows them, and the commits of lines.

This is the state of `ophvl.run.line_runner`: it knows the rows of the folder, not how a line is expanded.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ophvl.dataset.ledger import ColumnHashes, Entry, EntryOutcome
from ophvl.dataset.rows import select_rows
from ophvl.dataset.store import Store
from ophvl.run.results import check_rows
from ophvl.stage import SourceLine, StageSpec
from schemas.sources import SOURCES, SourceRow
from schemas.videos import VIDEOS
from schemas.vocab import Outcome

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_S = 1.0
_BATCH_LINES = 10_000


@dataclass(kw_only=True)
class KnownLines:
    """The lines of the folder, of all its source lists, and their videos.

    A video has one owner: the line that brought it in, whose result holds its row. Other lines that lead to
    it are folded: they only name it. When the owner no longer leads to it, the first line that names it
    inherits it.
    """

    entries: dict[str, Entry]
    stored: dict[str, pa.Table]
    """The tables of the stage as they were when read."""
    numbers: dict[str, int]
    folded: dict[str, list[str]]
    """Line to the videos that it leads to and that another line owns."""
    owner: dict[str, str]
    """Video to the line that brought it in."""
    updated: dict[str, LineResult] = field(default_factory=dict)
    """Lines whose rows have changed since `stored`, where another line may still hand videos over to them."""

    @staticmethod
    def read(store: Store, spec: StageSpec) -> KnownLines:
        """Read the lines from the tables and the ledger of the line stage `spec`."""
        entries = store.entries(spec.name)
        stored = {table: store.read(table) for table in spec.writes}
        columns = ["line_id", "line_number", "folded_videos"]
        ids, numbers, folded = (stored["sources"].column(name).to_pylist() for name in columns)
        return KnownLines(
            entries=entries,
            stored=stored,
            numbers=dict(zip(ids, numbers, strict=True)),
            folded={line_id: videos for line_id, videos in zip(ids, folded, strict=True) if videos},
            owner={
                video_id: line_id for line_id, e in entries.items() for video_id in owned_videos(e)
            },
        )

    def video_ids(self, line_id: str) -> list[str]:
        """Return all videos that a line leads to: those it owns and the folded ones."""
        return [*owned_videos(self.entries.get(line_id)), *self.folded.get(line_id, ())]

    def has_failed(self, line_id: str) -> bool:
        """Tell whether the last attempt to expand a line failed."""
        entry = self.entries.get(line_id)
        return entry is not None and entry.outcome is EntryOutcome.FAILED

    def is_folded_into_failed(self, line_id: str) -> bool:
        """Tell whether a line leads to no video since the line that it repeats has failed."""
        entry = self.entries.get(line_id)
        emitted = entry is not None and entry.outcome is EntryOutcome.EMITTED
        return emitted and not self.video_ids(line_id)

    def owned_by_others(self, line: SourceLine, video_ids: Sequence[str]) -> list[str]:
        """Return those of the videos that another line owns."""
        return [v for v in video_ids if self.owner.get(v, line.line_id) != line.line_id]

    def owned_rows(self, line_id: str) -> pa.Table:
        """Return the rows of the videos that a line owns."""
        if line_id in self.updated:
            return self.updated[line_id].videos
        if not owned_videos(self.entries.get(line_id)):  # Saves a search through all rows.
            return self.stored["videos"].slice(0, 0)
        return select_rows(self.stored["videos"], "line_id", [line_id])

    def record(self, result: LineResult) -> list[LineResult]:
        """Record the result of a line; return the results of its heirs.

        Heirs take over the videos that it no longer leads to. Commit them together with it, so that no video
        is without a line at any time.
        """
        line_id = result.entry.unit
        known = owned_videos(self.entries.get(line_id))
        lost = known.keys() - owned_videos(result.entry).keys()
        rows = self.owned_rows(line_id) if lost else result.videos
        self._update(result)
        heirs: dict[str, list[str]] = defaultdict(list)
        for other in sorted(self.folded, key=self.numbers.__getitem__) if lost else ():
            for video_id in lost.intersection(self.folded[other]):
                heirs[other].append(video_id)
                lost.remove(video_id)
        return [
            self._inherit(heir, select_rows(rows, "video_id", ids), {v: known[v] for v in ids})
            for heir, ids in heirs.items()
        ]

    def _update(self, result: LineResult) -> None:
        line_id, folded = result.entry.unit, result.row.folded_videos
        for video_id in owned_videos(self.entries.get(line_id)):
            self.owner.pop(video_id, None)
        self.owner |= dict.fromkeys(owned_videos(result.entry), line_id)
        self.entries[line_id] = result.entry
        self.numbers[line_id] = result.row.line_number
        self.folded.pop(line_id, None)
        if folded:
            self.folded[line_id] = list(folded)
        if folded or line_id in self.updated:
            self.updated[line_id] = result

    def _inherit(
        self, line_id: str, rows: pa.Table, hashes: Mapping[str, ColumnHashes]
    ) -> LineResult:
        """Make a line the owner of known videos, without expanding it; return its result."""
        import pyarrow as pa

        entry = self.entries[line_id]
        row = self.updated[line_id].row if line_id in self.updated else self._stored_row(line_id)
        index = rows.schema.get_field_index("line_id")
        moved = rows.set_column(index, rows.schema.field(index), [[line_id] * rows.num_rows])
        videos = pa.concat_tables([self.owned_rows(line_id), moved])
        result = LineResult(
            # The owner of a video is in no column that later stages read.
            entry=replace(
                entry,
                rows={"sources": 1, "videos": videos.num_rows},
                hashes={"videos": {**owned_videos(entry), **hashes}},
            ),
            row=replace(
                row,
                outcome=Outcome.EXPANDED if row.outcome == Outcome.FOLDED else row.outcome,
                units=videos.num_rows,
                folded_videos=[v for v in row.folded_videos if v not in hashes],
            ),
            videos=videos,
        )
        self.updated[line_id] = result
        self._update(result)
        return result

    def _stored_row(self, line_id: str) -> SourceRow:
        (row,) = select_rows(self.stored["sources"], "line_id", [line_id]).to_pylist()
        return SourceRow(**row)


@dataclass(frozen=True, kw_only=True)
class LineResult:
    """The outcome of one line, and the rows of the videos that it owns."""

    entry: Entry
    row: SourceRow
    videos: pa.Table


@dataclass
class LineBatch:
    """Lines that are committed together."""

    store: Store
    stage: str
    uncompacted: set[str] = field(default_factory=set)
    """Lines that were committed and not compacted since: their next result must wait for a compaction."""
    _results: dict[str, LineResult] = field(default_factory=dict)
    _since: float = 0.0

    def add(self, results: Sequence[LineResult], *, at_once: bool) -> None:
        """Add lines that must be committed together.

        Args:
            at_once: commit now, since a host was requested; otherwise after at most a second.
        """
        by_line = {result.entry.unit: result for result in results}
        if not self.uncompacted.isdisjoint(by_line):
            self.commit()
            self.store.compact(self.stage)
            self.uncompacted.clear()
        if not self._results:
            self._since = time.monotonic()
        self._results |= by_line
        waited_s = time.monotonic() - self._since
        if at_once or waited_s > _BATCH_S or len(self._results) >= _BATCH_LINES:
            self.commit()

    def commit(self) -> None:
        """Check the rows and make them durable."""
        import pyarrow as pa

        if not self._results:
            return
        results = list(self._results.values())
        videos = pa.concat_tables(
            [VIDEOS.empty(), *(r.videos for r in results if r.videos.num_rows)]
        )
        tables = {"sources": SOURCES.table([result.row for result in results]), "videos": videos}
        check_rows(f"stage {self.stage}", tables)
        self.store.commit_batch([result.entry for result in results], tables)
        self.uncompacted |= self._results.keys()
        self._results = {}


def owned_videos(entry: Entry | None) -> Mapping[str, ColumnHashes]:
    """Return the videos that a line owns, with the hashes of their columns."""
    return entry.hashes.get("videos", {}) if entry else {}
