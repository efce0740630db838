"""Run a stage on source lines: expand what is new or changed, fold what is known, keep the rest.

This is the part of the runner that works on lists, one line after another in the order of the list.
What a host was asked for is committed at once; quick lines are committed together, at most a second's.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ophvl.errors import DiskFullError, HostClosedError, ItemError
from ophvl.ledger import Entry, EntryOutcome, fingerprint, hash_columns
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

_PLACE = ("line_id", "line_number")

_BATCH_S = 1.0
_BATCH_LINES = 10_000


class LineRunner:
    """Runs a line stage on the lines of a list.

    Args:
        force: expand every line anew.
        retry: failures of these kinds are tried again, besides those that always are.
        whole: the lines given are all of their list, so that others were taken off it.
        limit: stop once so many new videos were found.
        pause_after_s: stop after so long, so that the videos that were found can go on.
    """

    def __init__(
        self,
        store: Store,
        reporter: Reporter,
        *,
        force: bool,
        retry: Collection[FailureKind] = (),
        whole: bool = True,
        limit: int | None = None,
        pause_after_s: float | None = None,
    ) -> None:
        self._store = store
        self._reporter = reporter
        self._force = force
        self._retry = RETRIED | set(retry)
        self._whole = whole
        self._limit = limit
        self._pause_after_s = pause_after_s
        self.held: list[HostClosedError] = []
        """One for each line that waits: its host wants no requests for now."""
        self.found = 0
        """New videos of this run."""
        self._done: set[str] = set()

    def run(self, stage: OpenStage, lines: Sequence[SourceLine]) -> bool:
        """Run `stage` on every line that is new, changed or failed; keep the rest.

        Returns whether nothing is left: after `pause_after_s` another call goes on with the rest.
        """
        spec = stage.spec
        entries = self._store.entries(spec.name)
        stored = {table: self._store.read(table) for table in spec.writes}
        numbers = dict(zip(*(stored["sources"].column(c).to_pylist() for c in _PLACE), strict=True))
        marks = {line.line_id: _mark(stage, line) for line in lines}
        if self._whole:
            self._forget_mended(spec, lines, entries, stored["sources"])
        again = self._lines_to_do(lines, marks, entries, stored["sources"])
        known = {
            video_id
            for line_id, entry in entries.items()
            if line_id not in again
            for video_id in entry.hashes.get("videos", {})
        }
        self._reporter.started([spec.name], len(lines))
        batch = _Batch(self._store)
        moved: dict[str, int] = {}
        targets: set[str] = set()
        through, started = True, time.monotonic()
        for line in lines:
            repeated = line.target in targets
            targets.add(line.target)
            before = entries.get(line.line_id)
            if before is not None and line.line_id not in again:
                if numbers[line.line_id] != line.number:
                    moved[line.line_id] = line.number
                self._reporter.advanced(UnitReport(unit=line.text, unchanged=(spec.name,)))
                continue
            if self._limit is not None and self.found >= self._limit:
                break
            if self._pause_after_s and time.monotonic() - started > self._pause_after_s:
                through = False
                break
            self._done.add(line.line_id)
            done = self._run_line(stage, line, marks[line.line_id], before, stored, known, repeated)
            new = set(done.entry.hashes.get("videos", {}))
            self.found += len(new - known) if done.entry.outcome is EntryOutcome.EMITTED else 0
            known |= new
            batch.add(done, at_once=line.is_url)
            self._reporter.advanced(UnitReport(unit=line.text, entries=(done.entry,)))
        batch.commit()
        self._renumber(moved, entries, stored)
        self._reporter.ended()
        return through

    def _forget_mended(
        self,
        spec: StageSpec,
        lines: Sequence[SourceLine],
        entries: Mapping[str, Entry],
        sources: pa.Table,
    ) -> None:
        """A failed line that was taken off its list, or mended, is no failure any more."""
        listed = {line.line_id for line in lines}
        lists = {line.list_path for line in lines}
        paths = sources.column("list_path").to_pylist()
        for line_id, path in zip(sources.column("line_id").to_pylist(), paths, strict=True):
            entry = entries[line_id]
            failed = entry.outcome is EntryOutcome.FAILED and not entry.hashes
            if failed and path in lists and line_id not in listed:
                retract(self._store, spec.name, line_id)

    def _lines_to_do(
        self,
        lines: Sequence[SourceLine],
        marks: Mapping[str, str],
        entries: Mapping[str, Entry],
        sources: pa.Table,
    ) -> set[str]:
        again = {
            line.line_id
            for line in lines
            if self._force
            or line.line_id not in entries
            or entries[line.line_id].fingerprint != marks[line.line_id]
            or self._worth_another_try(line, entries[line.line_id])
        }
        if any(entries[i].hashes.get("videos") for i in again if i in entries):
            # What that line no longer leads to may still be on a line that was folded into it.
            folded = sources.column("folded_units").to_pylist()
            ids = sources.column("line_id").to_pylist()
            again |= {i for i, n in zip(ids, folded, strict=True) if n and i in marks}
        return again - self._done

    def _worth_another_try(self, line: SourceLine, entry: Entry) -> bool:
        """What lies on this machine costs nothing to look at; a host is not asked in vain."""
        failed = entry.outcome is EntryOutcome.FAILED
        return failed and (not line.is_url or entry.kind in self._retry)

    def _run_line(
        self,
        stage: OpenStage,
        line: SourceLine,
        mark: str,
        before: Entry | None,
        stored: Mapping[str, pa.Table],
        known: set[str],
        repeated: bool,
    ) -> _Done:
        from schemas.videos import VIDEOS

        entry = Entry(
            stage=stage.spec.name,
            unit=line.line_id,
            fingerprint=mark,
            outcome=EntryOutcome.EMITTED,
            at=now(),
            attempt=before.attempt + 1 if before and before.outcome is EntryOutcome.FAILED else 1,
        )
        started = time.monotonic()
        try:
            found = (
                VIDEOS.empty()
                if repeated
                else with_retries(lambda: stage.call(line)).tables["videos"]
            )
        except (ItemError, HostClosedError) as err:
            if err.kind is FailureKind.DISK_FULL:
                raise DiskFullError(self._store.root, str(err)) from err
            if isinstance(err, HostClosedError):
                self.held.append(err)
            # What the line led to before stays: a day without network must not void transcripts.
            held = before.hashes.get("videos", {}) if before else {}
            kept = {video_id: hashes for video_id, hashes in held.items() if video_id not in known}
            own = _of_lines(stored["videos"], [line.line_id]) if kept else None
            where = f"{Path(line.list_path).name} line {line.number}: "
            failed = replace(
                failed_entry(entry, err, started=started, where=where),
                hashes={"videos": kept} if kept else {},
            )
            row = _source_row(line, Outcome.FAILED, len(kept), 0)
            return _Done(entry=failed, row=row, videos=own and _without(own, known))
        new = _without(found, known) if known else found
        folded = found.num_rows - new.num_rows
        outcome = Outcome.EXPANDED if new.num_rows else Outcome.FOLDED
        columns = self._store.hashed_columns("videos")
        done = replace(
            entry,
            seconds=round(time.monotonic() - started, 3),
            rows={"sources": 1, "videos": new.num_rows},
            hashes={"videos": hash_columns(new, columns)} if new.num_rows else {},
        )
        row = _source_row(line, outcome, new.num_rows, folded)
        return _Done(entry=done, row=row, videos=new if new.num_rows else None)

    def _renumber(
        self,
        moved: Mapping[str, int],
        entries: Mapping[str, Entry],
        stored: Mapping[str, pa.Table],
    ) -> None:
        """Lines move when a list is edited: keep the number that the user sees, fetch nothing."""
        if not moved:
            return
        own = {table: _of_lines(rows, moved) for table, rows in stored.items()}
        source = own["sources"]
        place = source.schema.get_field_index("line_number")
        numbers = [moved[line_id] for line_id in source.column("line_id").to_pylist()]
        own["sources"] = source.set_column(place, source.schema.field(place), [numbers])
        self._store.commit_batch([entries[line_id] for line_id in moved], own)


@dataclass(frozen=True, kw_only=True)
class _Done:
    """What became of one line."""

    entry: Entry
    row: _SourceRow
    videos: pa.Table | None


@dataclass(kw_only=False)
class _Batch:
    """Lines that are committed together."""

    store: Store
    lines: list[_Done] = field(default_factory=list)
    since: float = 0.0

    def add(self, done: _Done, *, at_once: bool) -> None:
        if not self.lines:
            self.since = time.monotonic()
        self.lines.append(done)
        waited_s = time.monotonic() - self.since
        if at_once or waited_s > _BATCH_S or len(self.lines) == _BATCH_LINES:
            self.commit()

    def commit(self) -> None:
        """Check the rows and make them durable."""
        import pyarrow as pa

        from schemas.sources import SOURCES
        from schemas.videos import VIDEOS

        if not self.lines:
            return
        found = [done.videos for done in self.lines if done.videos is not None]
        videos = pa.concat_tables([VIDEOS.empty(), *found])
        tables = {"sources": SOURCES.table([done.row for done in self.lines]), "videos": videos}
        entries = [done.entry for done in self.lines]
        check_rows(f"stage {entries[0].stage}", tables)
        self.store.commit_batch(entries, tables)
        self.lines = []


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
    folded_units: int


def _of_lines(rows: pa.Table, line_ids: Collection[str]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    value_set = pa.array(sorted(line_ids), pa.string())
    return rows.filter(pc.is_in(rows.column("line_id"), value_set=value_set))


def _without(videos: pa.Table, known: set[str]) -> pa.Table:
    import pyarrow as pa

    unknown = [video_id not in known for video_id in videos.column("video_id").to_pylist()]
    return videos.filter(pa.array(unknown, pa.bool_()))


def _source_row(line: SourceLine, outcome: Outcome, units: int, folded: int) -> _SourceRow:
    return _SourceRow(
        line_id=line.line_id,
        list_path=line.list_path,
        line_number=line.number,
        text=line.text,
        outcome=outcome,
        units=units,
        folded_units=folded,
    )
