"""Run a stage on source lines: expand what is new or changed, fold what is known, keep the rest.

This is the part of the runner that works on lists, one line after another in the order of the list.
What a host was asked for is committed at once; quick lines are committed together, at most a second's.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ophvl.dataset.ledger import Entry, EntryOutcome, fingerprint, hash_columns
from ophvl.dataset.store import Store
from ophvl.errors import DiskFullError, HostClosedError, ItemError
from ophvl.partitions import ALL_PARTS, Parts, part_of
from ophvl.run.line_state import KnownLines, LineBatch, LineResult, of_lines, own_videos
from ophvl.run.reporter import Reporter
from ophvl.run.unit_worker import (
    OpenStage,
    UnitReport,
    failed_entry,
    now,
    retract,
    with_retries,
)
from ophvl.stage import SourceLine, StageSpec
from schemas.sources import SourceRow
from schemas.videos import VIDEOS
from schemas.vocab import RETRIED, FailureKind, Outcome

if TYPE_CHECKING:
    import pyarrow as pa


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
        batch = LineBatch(self._store, stage.spec.name)
        self._renumber(lines, due, found, batch)
        return self._take(stage, lines, due, marks, found, batch, pause_after_s)

    def due(self, stage: OpenStage, lines: Sequence[SourceLine]) -> set[str]:
        """The lines that `run` would ask; writes nothing."""
        marks = {line.line_id: _mark(stage, line) for line in lines}
        return self._lines_to_do(stage.spec.name, lines, marks, self._look(stage.spec))

    def _look(self, spec: StageSpec) -> KnownLines:
        entries = self._store.entries(spec.name)
        stored = {table: self._store.read(table) for table in spec.writes}
        columns = ["line_id", "line_number", "folded_videos"]
        ids, numbers, folded = (stored["sources"].column(name).to_pylist() for name in columns)
        return KnownLines(
            entries=entries,
            stored=stored,
            numbers=dict(zip(ids, numbers, strict=True)),
            folded={line_id: videos for line_id, videos in zip(ids, folded, strict=True) if videos},
            owner={
                video_id: line_id for line_id, e in entries.items() for video_id in own_videos(e)
            },
        )

    def _take(
        self,
        stage: OpenStage,
        lines: Sequence[SourceLine],
        due: Collection[str],
        marks: Mapping[str, str],
        found: KnownLines,
        batch: LineBatch,
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
            if repeats in self.held:
                self.held[line.line_id] = self.held[repeats]
                self._reporter.advanced(UnitReport(unit=line.text, held=self.held[repeats]))
                continue
            if repeats and found.failed(repeats) and line.line_id in found.entries:
                # Nothing new is known of what it means: what it led to stays.
                self._reporter.advanced(UnitReport(unit=line.text, unchanged=(name,)))
                continue
            try:
                done = self._run_line(stage, line, marks[line.line_id], found, repeats)
            except HostClosedError as err:
                self.held[line.line_id] = err
                self._reporter.advanced(UnitReport(unit=line.text, held=err))
                continue
            self.found += sum(
                video not in found.owner and part_of(video) in self._parts
                for video in own_videos(done.entry)
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

    def _forget_mended(
        self, spec: StageSpec, lines: Sequence[SourceLine], found: KnownLines
    ) -> None:
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
                found.folded.pop(line_id, None)  # Nothing goes over to it.

    def _lines_to_do(
        self, stage: str, lines: Sequence[SourceLine], marks: Mapping[str, str], found: KnownLines
    ) -> set[str]:
        """Lines that are new or changed, folded into one that is gone, or worth another try."""
        due: set[str] = set()
        first: dict[str, str] = {}
        for line in lines:
            meant_by = first.setdefault(line.target, line.line_id)
            # One that was folded into a failed one leads somewhere once that does, or is gone.
            told = meant_by == line.line_id or meant_by in due or found.leads_to(meant_by)
            entry = found.entries.get(line.line_id)
            if (
                entry is None
                or entry.fingerprint != marks[line.line_id]
                or (told and found.leads_nowhere(line.line_id))
            ):
                due.add(line.line_id)
            elif self._is_forced(stage, line) or self._worth_another_try(line, entry):
                # The jobs of an array share these out: none asks for all of them.
                due |= {line.line_id} if part_of(line.line_id) in self._parts else set()
        return due - self._done

    def _is_forced(self, stage: str, line: SourceLine) -> bool:
        return self._forced is not None and (stage, line.line_id) not in self._forced

    def _worth_another_try(self, line: SourceLine, entry: Entry) -> bool:
        """A host is not asked in vain, and a file that is still absent (its stamp says so) not looked for."""
        if entry.outcome is not EntryOutcome.FAILED:
            return False
        here = not line.is_url and entry.kind is not FailureKind.NOT_FOUND
        return here or entry.kind in self._retry

    def _run_line(
        self, stage: OpenStage, line: SourceLine, mark: str, found: KnownLines, meant_by: str | None
    ) -> LineResult:
        """Ask what a line leads to; `meant_by` is an earlier line of the list that means the same.

        Raises:
            HostClosedError: its host wants no requests for now; nothing is known of the line that was not.
        """
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
        return LineResult(
            entry=entry, row=_source_row(line, outcome, own.num_rows, folded), videos=own
        )

    def _renumber(
        self, lines: Sequence[SourceLine], due: Collection[str], found: KnownLines, batch: LineBatch
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
        own = {table: of_lines(rows, moved) for table, rows in found.stored.items()}
        self._store.commit_batch([found.entries[line_id] for line_id in moved], own)
        batch.written |= moved.keys()


def _mark(stage: OpenStage, line: SourceLine) -> str:
    """The line's fingerprint. Tools do not count: a new synonym must not ask 44,290 URLs again."""
    return fingerprint(stage.spec, stage.config, {}, [line.target, line.stamp, line.text])


def _without(videos: pa.Table, known: set[str]) -> pa.Table:
    import pyarrow as pa

    unknown = [video_id not in known for video_id in videos.column("video_id").to_pylist()]
    return videos.filter(pa.array(unknown, pa.bool_()))


def _source_row(line: SourceLine, outcome: Outcome, units: int, folded: list[str]) -> SourceRow:
    return SourceRow(
        line_id=line.line_id,
        list_path=line.list_path,
        line_number=line.number,
        text=line.text,
        outcome=outcome,
        units=units,
        folded_videos=folded,
    )
