"""Run a stage on source lines: expand what is new or changed, fold what is known, keep the rest.

This is the part of the runner that works on lists, one line after another in the order of the list.
What a host was asked for is committed at once; quick lines are committed together, at most a second's.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ophvl.errors import DiskFullError, HostClosedError, ItemError
from ophvl.ledger import ColumnHashes, Entry, EntryOutcome, fingerprint, hash_columns
from ophvl.parts import ALL_PARTS, Parts, part_of
from ophvl.reporter import Reporter
from ophvl.stage import SourceLine, StageSpec
from ophvl.store import Store
from ophvl.unit_chain import (
    OpenStage,
    UnitReport,
    check_rows,
    failed_entry,
    now,
    retract,
    with_retries,
)
from schemas.vocab import RETRIED, FailureKind, Outcome

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_S = 1.0
_BATCH_LINES = 10_000


class LineRunner:
    """Runs a line stage on the lines of a list.

    Args:
        forced: where all lines are to be expanded anew, the stage and lines that were so already; those
            that this runner expands are added.
        retry: failures of these kinds are tried again, besides those that always are.
        parts: of the lines that were asked before, those of these parts are tried again.
        whole: the lines given are all of their list, so that others were taken off it.
        limit: stop once so many new videos of these parts were found.
    """

    def __init__(
        self,
        store: Store,
        reporter: Reporter,
        *,
        forced: set[tuple[str, str]] | None = None,
        parts: Parts = ALL_PARTS,
        retry: Collection[FailureKind] = (),
        whole: bool = True,
        limit: int | None = None,
    ) -> None:
        self._store = store
        self._reporter = reporter
        self._forced = forced
        self._parts = parts
        self._retry = RETRIED | set(retry)
        self._whole = whole
        self._limit = limit
        self.held: dict[str, HostClosedError] = {}
        """The lines that wait, each with why: its host wants no requests for now."""
        self.found = 0
        """New videos of these parts."""
        self._done: set[str] = set()

    def run(
        self, stage: OpenStage, lines: Sequence[SourceLine], *, pause_after_s: float | None = None
    ) -> bool:
        """Run `stage` on every line that is new, changed or failed; keep the rest.

        Args:
            pause_after_s: stop after so long, so that the videos that were found can go on.

        Returns whether nothing is left: after a pause another call goes on with the rest.
        """
        found = self._look(stage.spec)
        if self._whole:
            self._forget_mended(stage.spec, lines, found)
        marks = {line.line_id: _mark(stage, line) for line in lines}
        due = self._lines_to_do(stage.spec.name, lines, marks, found)
        batch = _Batch(self._store, stage.spec.name)
        self._renumber(lines, due, found, batch)
        return self._take(stage, lines, due, marks, found, batch, pause_after_s)

    def _look(self, spec: StageSpec) -> _Found:
        entries = self._store.entries(spec.name)
        stored = {table: self._store.read(table) for table in spec.writes}
        columns = ["line_id", "line_number", "folded_videos"]
        ids, numbers, folded = (stored["sources"].column(name).to_pylist() for name in columns)
        return _Found(
            entries=entries,
            stored=stored,
            numbers=dict(zip(ids, numbers, strict=True)),
            folded={line_id: videos for line_id, videos in zip(ids, folded, strict=True) if videos},
            owner={video_id: line_id for line_id, e in entries.items() for video_id in _own(e)},
        )

    def _take(
        self,
        stage: OpenStage,
        lines: Sequence[SourceLine],
        due: Collection[str],
        marks: Mapping[str, str],
        found: _Found,
        batch: _Batch,
        pause_after_s: float | None,
    ) -> bool:
        """Run the lines that are due, in the order of the list; return whether no time is needed for more."""
        name = stage.spec.name
        self._reporter.started([name], len(lines))
        first: dict[str, str] = {}
        through, started = True, time.monotonic()
        for line in lines:
            meant_by = first.setdefault(line.target, line.line_id)
            if line.line_id not in due:
                self._reporter.advanced(UnitReport(unit=line.text, unchanged=(name,)))
                continue
            if self._limit is not None and self.found >= self._limit:
                break
            self._done.add(line.line_id)
            repeats = meant_by if meant_by != line.line_id else None
            try:
                done = self._run_line(stage, line, marks[line.line_id], found, repeats)
            except HostClosedError as err:
                self.held[line.line_id] = err
                self._reporter.advanced(UnitReport(unit=line.text, held=err))
                continue
            self.found += sum(
                video not in found.owner and part_of(video) in self._parts
                for video in _own(done.entry)
            )
            if self._forced is not None:
                self._forced.add((name, line.line_id))
            batch.add([done, *found.take_in(done)], at_once=line.is_url)
            self._reporter.advanced(UnitReport(unit=line.text, entries=(done.entry,)))
            if pause_after_s is not None and time.monotonic() - started > pause_after_s:
                through = line is lines[-1]
                break
        batch.commit()
        self._reporter.ended()
        return through

    def _forget_mended(self, spec: StageSpec, lines: Sequence[SourceLine], found: _Found) -> None:
        """A failed line that was taken off its list, or mended, is no failure any more."""
        listed = {line.line_id for line in lines}
        lists = {line.list_path for line in lines}
        sources = found.stored["sources"]
        paths = sources.column("list_path").to_pylist()
        for line_id, path in zip(sources.column("line_id").to_pylist(), paths, strict=True):
            entry = found.entries[line_id]
            failed = entry.outcome is EntryOutcome.FAILED and not entry.hashes
            if failed and path in lists and line_id not in listed:
                retract(self._store, spec.name, line_id)

    def _lines_to_do(
        self, stage: str, lines: Sequence[SourceLine], marks: Mapping[str, str], found: _Found
    ) -> set[str]:
        """Lines that are new or changed, folded into one that is gone, or worth another try."""
        due = set()
        first: dict[str, str] = {}
        for line in lines:
            alone = first.setdefault(line.target, line.line_id) == line.line_id
            entry = found.entries.get(line.line_id)
            if (
                entry is None
                or entry.fingerprint != marks[line.line_id]
                or (alone and found.leads_nowhere(line.line_id))
            ):
                due.add(line.line_id)
            elif self._is_forced(stage, line) or self._worth_another_try(line, entry):
                # The jobs of an array share these out: none asks for all of them.
                due |= {line.line_id} if part_of(line.line_id) in self._parts else set()
        return due - self._done

    def _is_forced(self, stage: str, line: SourceLine) -> bool:
        return self._forced is not None and (stage, line.line_id) not in self._forced

    def _worth_another_try(self, line: SourceLine, entry: Entry) -> bool:
        """What lies on this machine costs nothing to look at; a host is not asked in vain."""
        failed = entry.outcome is EntryOutcome.FAILED
        return failed and (not line.is_url or entry.kind in self._retry)

    def _run_line(
        self, stage: OpenStage, line: SourceLine, mark: str, found: _Found, meant_by: str | None
    ) -> _Done:
        """Ask what a line leads to; `meant_by` is an earlier line of the list that means the same.

        Raises:
            HostClosedError: its host wants no requests for now; nothing is known of the line that was not.
        """
        from schemas.videos import VIDEOS

        before = found.entries.get(line.line_id)
        entry = Entry(
            stage=stage.spec.name,
            unit=line.line_id,
            fingerprint=mark,
            outcome=EntryOutcome.EMITTED,
            at=now(),
            attempt=before.attempt + 1 if before and before.outcome is EntryOutcome.FAILED else 1,
        )
        started = time.monotonic()
        own, folded = VIDEOS.empty(), []
        try:
            if meant_by is not None:
                folded = found.leads_to(meant_by)
            else:
                videos = with_retries(lambda: stage.call(line)).tables["videos"]
                folded = found.of_others(line, videos.column("video_id").to_pylist())
                own = _without(videos, set(folded))
        except ItemError as err:
            if err.kind is FailureKind.DISK_FULL:
                raise DiskFullError(self._store.root, str(err)) from err
            # What the line led to before stays: a day without network must not void transcripts.
            own, folded = found.videos_of(line.line_id), found.folded.get(line.line_id, [])
            where = f"{Path(line.list_path).name} line {line.number}: "
            entry = replace(
                failed_entry(entry, err, started=started, where=where),
                hashes=before.hashes if before else {},
            )
            outcome = Outcome.FAILED
        else:
            hashes = hash_columns(own, self._store.hashed_columns("videos"))
            entry = replace(
                entry,
                seconds=round(time.monotonic() - started, 3),
                rows={"sources": 1, "videos": own.num_rows},
                hashes={"videos": hashes} if hashes else {},
            )
            outcome = Outcome.EXPANDED if own.num_rows else Outcome.FOLDED
        return _Done(entry=entry, row=_source_row(line, outcome, own.num_rows, folded), videos=own)

    def _renumber(
        self, lines: Sequence[SourceLine], due: Collection[str], found: _Found, batch: _Batch
    ) -> None:
        """Lines move when a list is edited: keep the number that the user sees, fetch nothing."""
        moved = {
            line.line_id: line.number
            for line in lines
            if line.line_id not in due and found.numbers[line.line_id] != line.number
        }
        if not moved:
            return
        sources = found.stored["sources"]
        place = sources.schema.get_field_index("line_number")
        ids, old = sources.column("line_id").to_pylist(), sources.column(place).to_pylist()
        numbers = [moved.get(line_id, number) for line_id, number in zip(ids, old, strict=True)]
        sources = sources.set_column(place, sources.schema.field(place), [numbers])
        found.stored["sources"] = sources
        own = {table: _of_lines(rows, moved) for table, rows in found.stored.items()}
        self._store.commit_batch([found.entries[line_id] for line_id in moved], own)
        batch.written |= moved.keys()


@dataclass(kw_only=True)
class _Found:
    """What the lines of the folder, of all its lists, lead to by now."""

    entries: dict[str, Entry]
    stored: dict[str, pa.Table]
    """The tables of the stage as they stood at the start."""
    numbers: dict[str, int]
    folded: dict[str, list[str]]
    """Line to the videos that it leads to and that another line brought in."""
    owner: dict[str, str]
    """Video to the line that brought it in."""
    fresh: dict[str, _Done] = field(default_factory=dict)
    """Lines whose rows are others by now, as far as another line may hand videos on to them."""

    def leads_to(self, line_id: str) -> list[str]:
        return [*_own(self.entries.get(line_id)), *self.folded.get(line_id, ())]

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
        return _of_lines(self.stored["videos"], [line_id])

    def take_in(self, done: _Done) -> list[_Done]:
        """Note what became of a line; return the lines that take over videos which it no longer leads to.

        They are committed with it, so that no video is without a line at any instant.
        """
        line_id = done.entry.unit
        known = _own(self.entries.get(line_id))
        lost = known.keys() - _own(done.entry).keys()
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

    def _note(self, done: _Done) -> None:
        line_id, folded = done.entry.unit, done.row.folded_videos
        for video_id in _own(self.entries.get(line_id)):
            self.owner.pop(video_id, None)
        self.owner |= dict.fromkeys(_own(done.entry), line_id)
        self.entries[line_id] = done.entry
        self.numbers[line_id] = done.row.line_number
        self.folded.pop(line_id, None)
        if folded:
            self.folded[line_id] = folded
        if folded or line_id in self.fresh:
            self.fresh[line_id] = done

    def _with_more(self, line_id: str, more: pa.Table, hashes: Mapping[str, ColumnHashes]) -> _Done:
        """A line that takes over known videos, so that nobody is asked."""
        import pyarrow as pa

        entry = self.entries[line_id]
        row = self.fresh[line_id].row if line_id in self.fresh else self._stored_row(line_id)
        place = more.schema.get_field_index("line_id")
        mine = more.set_column(place, more.schema.field(place), [[line_id] * more.num_rows])
        videos = pa.concat_tables([self.videos_of(line_id), mine])
        done = _Done(
            # Which line brought a video in is nothing that later stages read.
            entry=replace(
                entry,
                rows={"sources": 1, "videos": videos.num_rows},
                hashes={"videos": {**_own(entry), **hashes}},
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

    def _stored_row(self, line_id: str) -> _SourceRow:
        (row,) = _of_lines(self.stored["sources"], [line_id]).to_pylist()
        return _SourceRow(**row)


@dataclass(frozen=True, kw_only=True)
class _Done:
    """What became of one line, and the videos that it brought in."""

    entry: Entry
    row: _SourceRow
    videos: pa.Table


@dataclass
class _Batch:
    """Lines that are committed together."""

    store: Store
    stage: str
    written: set[str] = field(default_factory=set)
    """Lines that were committed and not compacted since: another result of theirs has to wait for that."""
    _lines: dict[str, _Done] = field(default_factory=dict)
    _since: float = 0.0

    def add(self, done: Sequence[_Done], *, at_once: bool) -> None:
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

        from schemas.sources import SOURCES
        from schemas.videos import VIDEOS

        if not self._lines:
            return
        lines = list(self._lines.values())
        videos = pa.concat_tables([VIDEOS.empty(), *(d.videos for d in lines if d.videos.num_rows)])
        tables = {"sources": SOURCES.table([done.row for done in lines]), "videos": videos}
        check_rows(f"stage {self.stage}", tables)
        self.store.commit_batch([done.entry for done in lines], tables)
        self.written |= self._lines.keys()
        self._lines = {}


def _mark(stage: OpenStage, line: SourceLine) -> str:
    """The line's fingerprint. Tools do not count: a new synonym must not ask 44,290 URLs again."""
    return fingerprint(stage.spec, stage.config, {}, [line.target, line.stamp, line.text])


@dataclass(frozen=True, kw_only=True)
class _SourceRow:
    line_id: str
    list_path: str
    line_number: int
    text: str
    outcome: str
    units: int
    folded_videos: list[str]


def _own(entry: Entry | None) -> Mapping[str, ColumnHashes]:
    """The videos that a line brought in, with the hashes of their columns."""
    return entry.hashes.get("videos", {}) if entry else {}


def _of_lines(rows: pa.Table, line_ids: Collection[str]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    value_set = pa.array(sorted(line_ids), pa.string())
    return rows.filter(pc.is_in(rows.column("line_id"), value_set=value_set))


def _of_videos(rows: pa.Table, video_ids: Collection[str]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    value_set = pa.array(sorted(video_ids), pa.string())
    return rows.filter(pc.is_in(rows.column("video_id"), value_set=value_set))


def _without(videos: pa.Table, known: set[str]) -> pa.Table:
    import pyarrow as pa

    unknown = [video_id not in known for video_id in videos.column("video_id").to_pylist()]
    return videos.filter(pa.array(unknown, pa.bool_()))


def _source_row(line: SourceLine, outcome: Outcome, units: int, folded: list[str]) -> _SourceRow:
    return _SourceRow(
        line_id=line.line_id,
        list_path=line.list_path,
        line_number=line.number,
        text=line.text,
        outcome=outcome,
        units=units,
        folded_videos=folded,
    )
