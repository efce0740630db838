"""The source lines of the folder, the videos that they lead to, and the commits of both.

This is the state of `ophvl.run.line_runner`: it knows the rows of the folder, not how a line is expanded.

A line and a video are units of their own in the ledger of a line stage. A line's result says which videos it
leads to. A video's result is its row of table `videos`. Several lines may lead to one video; the row is that
of the first, and is void once no line leads to the video.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ophvl.dataset.ledger import Entry, EntryOutcome, described_video, hash_columns
from ophvl.dataset.rows import select_rows
from ophvl.dataset.store import Store
from ophvl.ids import is_line_id
from ophvl.run.results import check_rows, retracted_entry
from ophvl.stage import StageSpec
from schemas.line_videos import LINE_VIDEOS, LineVideoRow
from schemas.outcomes import WARNINGS, WarningRow
from schemas.sources import SOURCES, SourceRow
from schemas.videos import VIDEOS

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_S = 1.0
_BATCH_LINES = 10_000


@dataclass(frozen=True, kw_only=True)
class LineResult:
    """The outcome of one line."""

    entry: Entry
    row: SourceRow
    video_ids: Sequence[str]
    """All videos that the line leads to."""
    videos: pa.Table | None = None
    """The rows of those that no other line described before."""
    warnings: Sequence[WarningRow] = ()


@dataclass(frozen=True, kw_only=True)
class Change:
    """Ledger entries of lines and of videos, and their rows, which must be committed together."""

    entries: Sequence[Entry]
    sources: Sequence[SourceRow]
    line_videos: Sequence[LineVideoRow]
    videos: pa.Table | None = None
    warnings: Sequence[WarningRow] = ()


@dataclass(kw_only=True)
class KnownLines:
    """The lines of the folder, of all its source lists, and their videos."""

    stage: str
    entries: dict[str, Entry]
    """The ledger entries of the lines."""
    videos: dict[str, Entry]
    """The ledger entries of the videos."""
    stored: Mapping[str, pa.Table]
    """The tables of the stage as they were when read."""
    numbers: dict[str, int]
    """Line to its position in its list."""
    video_ids: defaultdict[str, list[str]]
    """Line to the videos that it leads to."""
    lines: defaultdict[str, set[str]]
    """Video to the lines that lead to it."""
    first_line: dict[str, str]
    """Video to the line that describes it: of those that lead to it, the one that named it first."""

    @staticmethod
    def read(store: Store, spec: StageSpec) -> KnownLines:
        """Read the lines from the tables and the ledger of the line stage `spec`."""
        entries = store.entries(spec.name)
        stored = {table: store.read(table) for table in spec.writes}
        video_ids: defaultdict[str, list[str]] = defaultdict(list)
        lines: defaultdict[str, set[str]] = defaultdict(set)
        for line_id, video_id in zip(
            *_columns(stored["line_videos"], "line_id", "video_id"), strict=True
        ):
            video_ids[line_id].append(video_id)
            lines[video_id].add(line_id)
        return KnownLines(
            stage=spec.name,
            entries={unit: entry for unit, entry in entries.items() if is_line_id(unit)},
            videos={unit: entry for unit, entry in entries.items() if not is_line_id(unit)},
            stored=stored,
            numbers=dict(zip(*_columns(stored["sources"], "line_id", "line_number"), strict=True)),
            video_ids=video_ids,
            lines=lines,
            first_line=dict(zip(*_columns(stored["videos"], "video_id", "line_id"), strict=True)),
        )

    def has_failed(self, line_id: str) -> bool:
        """Tell whether the last attempt to expand a line failed."""
        entry = self.entries.get(line_id)
        return entry is not None and entry.outcome is EntryOutcome.FAILED

    def leads_nowhere(self, line_id: str) -> bool:
        """Tell whether a line leads to no video since the line that it repeats has failed."""
        entry = self.entries.get(line_id)
        emitted = entry is not None and entry.outcome is EntryOutcome.EMITTED
        return emitted and not self.video_ids[line_id]

    def described_by_others(self, line_id: str, video_ids: Sequence[str]) -> list[str]:
        """Return those of the videos whose rows are those of another line."""
        return [v for v in video_ids if self.first_line.get(v, line_id) != line_id]

    def record(self, result: LineResult, hashed_columns: Sequence[str]) -> Change:
        """Record the result of a line; return what it changes.

        A video that it no longer leads to keeps its row as long as another line leads to it.

        Args:
            hashed_columns: the columns of `videos` whose change later stages notice.
        """
        line_id = result.entry.unit
        lost = set(self.video_ids[line_id]).difference(result.video_ids)
        self._unlink(line_id, lost)
        void = sorted(v for v in lost if not self.lines[v])
        passed_on = {
            v: min(self.lines[v], key=lambda other: (self.numbers[other], other))
            for v in lost.difference(void)
            if self.first_line[v] == line_id
        }
        videos = result.videos
        hashes = {} if videos is None else hash_columns("videos", videos, hashed_columns)
        described = {v: described_video(result.entry, v, hashes[v]) for v in hashes}
        self.entries[line_id] = result.entry
        self.numbers[line_id] = result.row.line_number
        self.video_ids[line_id] = list(result.video_ids)
        for video_id in result.video_ids:
            self.lines[video_id].add(line_id)
        self.videos |= described
        self.first_line |= dict.fromkeys(described, line_id) | passed_on
        for video_id in void:
            del self.videos[video_id], self.first_line[video_id]
        return Change(
            entries=[
                result.entry,
                *described.values(),
                *(self.videos[v] for v in passed_on),
                *(retracted_entry(self.stage, v) for v in void),
            ],
            sources=[result.row],
            line_videos=line_videos(line_id, result.video_ids),
            videos=self._with_passed_on(videos, passed_on),
            warnings=result.warnings,
        )

    def forget(self, line_id: str) -> None:
        """Forget a line that describes no video."""
        self._unlink(line_id, self.video_ids.pop(line_id, ()))
        del self.entries[line_id], self.numbers[line_id]

    def _unlink(self, line_id: str, video_ids: Iterable[str]) -> None:
        for video_id in video_ids:
            self.lines[video_id].discard(line_id)

    def _with_passed_on(
        self, videos: pa.Table | None, first_lines: Mapping[str, str]
    ) -> pa.Table | None:
        """Return `videos` and the rows of other videos that another line describes from now on."""
        import pyarrow as pa

        if not first_lines:
            return videos
        # A line is expanded once in the life of this object. So the row of a video that its line loses is
        # still the stored one.
        rows = select_rows(self.stored["videos"], "video_id", first_lines)
        ids = [first_lines[v] for v in rows.column("video_id").to_pylist()]
        index = rows.schema.get_field_index("line_id")
        rows = rows.set_column(index, rows.schema.field(index), [ids])
        return rows if videos is None else pa.concat_tables([videos, rows])


@dataclass
class LineBatch:
    """Changes that are committed together."""

    store: Store
    stage: str
    uncompacted: set[str] = field(default_factory=set)
    """Lines and videos that were changed and not compacted since: the next change must wait for that."""
    _changes: list[Change] = field(default_factory=list)
    _since: float = 0.0

    def add(self, change: Change, *, at_once: bool) -> None:
        """Add a change.

        Args:
            at_once: commit now, since a host was requested; otherwise after at most a second.
        """
        units = {entry.unit for entry in change.entries}
        if not self.uncompacted.isdisjoint(units):
            self.commit()
            self.store.compact(self.stage)
            self.uncompacted.clear()
        if not self._changes:
            self._since = time.monotonic()
        self._changes.append(change)
        self.uncompacted |= units
        waited_s = time.monotonic() - self._since
        if at_once or waited_s > _BATCH_S or len(self._changes) >= _BATCH_LINES:
            self.commit()

    def commit(self) -> None:
        """Check the rows and make them durable."""
        import pyarrow as pa

        if not self._changes:
            return
        changes = self._changes
        videos = [change.videos for change in changes if change.videos is not None]
        tables = {
            "sources": SOURCES.table([row for change in changes for row in change.sources]),
            "line_videos": LINE_VIDEOS.table([row for c in changes for row in c.line_videos]),
            "videos": pa.concat_tables([VIDEOS.empty(), *videos]),
            "warnings": WARNINGS.table([row for change in changes for row in change.warnings]),
        }
        check_rows(f"stage {self.stage}", tables)
        entries = [entry for change in changes for entry in change.entries]
        self.store.commit_batch(entries, tables)
        self._changes = []


def line_videos(line_id: str, video_ids: Iterable[str]) -> list[LineVideoRow]:
    """Return the rows of `line_videos` of a line."""
    return [LineVideoRow(line_id=line_id, video_id=video_id) for video_id in video_ids]


def _columns(rows: pa.Table, *names: str) -> list[list[str]]:
    return [rows.column(name).to_pylist() for name in names]
