"""Run a stage on source lines: expand new and changed ones, keep the rest.

This is the part of the runner that works on lists, one line after another in the order of the list. A line
that requested a host is committed at once; quick lines are committed together, at most a second's.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from ophvl.dataset.rows import exclude_rows, select_rows
from ophvl.dataset.store import Store
from ophvl.errors import DiskFullError, HostClosedError, ItemError
from ophvl.partitions import partition_of
from ophvl.run.bound_stage import BoundStage, with_retries
from ophvl.run.line_planner import LinePlanner, first_lines, line_fingerprint
from ophvl.run.line_state import Change, KnownLines, LineBatch, LineResult, line_videos
from ophvl.run.reporter import Reporter
from ophvl.run.results import failed_entry, new_entry, retract, warning_rows
from ophvl.run.unit_worker import UnitReport
from ophvl.stage import SourceLine, StageSpec
from schemas.outcomes import WarningRow
from schemas.sources import SourceRow
from schemas.vocab import FailureKind, Outcome


class LineRunner:
    """Runs a line stage on the lines of a list.

    Args:
        planner: decides which lines are expanded.
        is_whole_list: whether `run` gets all lines of a list, so that others were taken off it.
        limit: stop after so many new videos of the planner's partitions.
    """

    def __init__(
        self,
        store: Store,
        reporter: Reporter,
        planner: LinePlanner,
        *,
        is_whole_list: bool = True,
        limit: int | None = None,
    ) -> None:
        self._store = store
        self._reporter = reporter
        self._planner = planner
        self._is_whole_list = is_whole_list
        self._limit = limit
        self.deferred: dict[str, HostClosedError] = {}
        """The lines that wait, each with the reason: its host accepts no requests for now."""
        self._hashed_columns = store.hashed_columns("videos")
        self._new_videos = 0
        """New videos of the planner's partitions."""
        self._attempted: set[str] = set()

    def run(
        self, stage: BoundStage, lines: Sequence[SourceLine], *, pause_after_s: float | None = None
    ) -> bool:
        """Run `stage` on every line that is new, changed or failed; keep the rest.

        Args:
            pause_after_s: stop after so long, so that the new videos can be processed.

        Returns:
            Whether nothing is left: after a pause another call continues with the rest.
        """
        known = KnownLines.read(self._store, stage.spec)
        if self._is_whole_list:
            self._retract_failed_lines_off_list(stage.spec, lines, known)
        pending = self._planner.pending(stage, lines, known) - self._attempted
        batch = LineBatch(self._store, stage.spec.name)
        self._renumber(lines, pending, known, batch)
        return self._expand_pending(stage, lines, pending, known, batch, pause_after_s)

    def _expand_pending(
        self,
        stage: BoundStage,
        lines: Sequence[SourceLine],
        pending: Collection[str],
        known: KnownLines,
        batch: LineBatch,
        pause_after_s: float | None,
    ) -> bool:
        """Expand the pending lines in the order of the list; return whether none is left for lack of time."""
        name = stage.spec.name
        self._reporter.started([name], len(lines))
        first_ids = first_lines(lines)
        is_complete, started = True, time.monotonic()
        for line in lines:
            if line.line_id not in pending:
                self._reporter.advanced(UnitReport(unit=line.text, unchanged=(name,)))
                continue
            if self._limit is not None and self._new_videos >= self._limit:
                break
            self._attempted.add(line.line_id)
            first_id = first_ids[line.target]
            repeated = first_id if first_id != line.line_id else None
            if repeated in self.deferred:
                self._defer(line, self.deferred[repeated])
                continue
            if repeated and known.has_failed(repeated) and line.line_id in known.entries:
                # Nothing new is known of its target: its videos stay.
                self._reporter.advanced(UnitReport(unit=line.text, unchanged=(name,)))
                continue
            try:
                result = self._run_line(stage, line, known, repeated)
            except HostClosedError as err:
                self._defer(line, err)
                continue
            self._new_videos += sum(
                video not in known.first_line and partition_of(video) in self._planner.partitions
                for video in result.video_ids
            )
            if self._planner.forced is not None:
                self._planner.forced.add((name, line.line_id))
            batch.add(known.record(result, self._hashed_columns), at_once=line.is_url)
            self._reporter.advanced(UnitReport(unit=line.text, entries=(result.entry,)))
            if pause_after_s is not None and time.monotonic() - started > pause_after_s:
                is_complete = line is lines[-1]
                break
        batch.commit()
        self._reporter.ended()
        return is_complete

    def _defer(self, line: SourceLine, reason: HostClosedError) -> None:
        self.deferred[line.line_id] = reason
        self._reporter.advanced(UnitReport(unit=line.text, deferred=reason))

    def _retract_failed_lines_off_list(
        self, spec: StageSpec, lines: Sequence[SourceLine], known: KnownLines
    ) -> None:
        """Retract failed lines that were corrected or taken off their list: they are failures no more."""
        listed = {line.line_id for line in lines}
        list_paths = {line.list_path for line in lines}
        describing = set(known.first_line.values())
        sources = known.stored["sources"]
        paths = sources.column("list_path").to_pylist()
        for line_id, path in zip(sources.column("line_id").to_pylist(), paths, strict=True):
            is_off_list = path in list_paths and line_id not in listed
            if is_off_list and known.has_failed(line_id) and line_id not in describing:
                retract(self._store, spec.name, line_id)
                known.forget(line_id)

    def _run_line(
        self, stage: BoundStage, line: SourceLine, known: KnownLines, repeated: str | None
    ) -> LineResult:
        """Expand a line; `repeated` is an earlier line of the list with the same target.

        Raises:
            HostClosedError: its host accepts no requests for now; nothing new is known of the line.
            DiskFullError: there is no room for its result.
        """
        before = known.entries.get(line.line_id)
        entry = new_entry(stage.spec.name, line.line_id, line_fingerprint(stage, line), before)
        started = time.monotonic()
        outcome, videos = Outcome.EXPANDED, None
        warnings: list[WarningRow] = []
        try:
            if repeated is not None:
                video_ids = known.video_ids[repeated]
            else:
                expanded = with_retries(lambda: stage.call(line))
                warnings = warning_rows(entry, expanded)
                listed = expanded.tables["videos"]
                video_ids = listed.column("video_id").to_pylist()
                others = known.described_by_others(line.line_id, video_ids)
                videos = exclude_rows(listed, "video_id", others)
        except ItemError as err:
            if err.kind is FailureKind.DISK_FULL:
                raise DiskFullError(self._store.root, str(err)) from err
            # Its videos stay: a day without network must not void transcripts.
            outcome, video_ids = Outcome.FAILED, known.video_ids[line.line_id]
            where = f"{Path(line.list_path).name} line {line.number}: "
            entry = failed_entry(entry, err, started=started, where=where)
        else:
            entry = replace(
                entry,
                seconds=round(time.monotonic() - started, 3),
                rows={"sources": 1, "line_videos": len(video_ids)},
            )
        row = SourceRow(
            line_id=line.line_id,
            list_path=line.list_path,
            line_number=line.number,
            text=line.text,
            outcome=outcome,
        )
        return LineResult(
            entry=entry, row=row, video_ids=video_ids, videos=videos, warnings=warnings
        )

    def _renumber(
        self,
        lines: Sequence[SourceLine],
        pending: Collection[str],
        known: KnownLines,
        batch: LineBatch,
    ) -> None:
        """Update the numbers of lines that an edit of the list moved, without expanding them."""
        moved = {
            line.line_id: line.number
            for line in lines
            if line.line_id not in pending and known.numbers[line.line_id] != line.number
        }
        if not moved:
            return
        rows = select_rows(known.stored["sources"], "line_id", moved).to_pylist()
        warnings = select_rows(self._store.read("warnings"), "unit", moved).to_pylist()
        known.numbers |= moved
        batch.add(
            Change(
                entries=[known.entries[line_id] for line_id in moved],
                sources=[SourceRow(**row | {"line_number": moved[row["line_id"]]}) for row in rows],
                line_videos=[
                    row
                    for line_id in moved
                    for row in line_videos(line_id, known.video_ids[line_id])
                ],
                warnings=[WarningRow(**row) for row in warnings],
            ),
            at_once=True,
        )
