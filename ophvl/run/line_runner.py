"""Run a stage on source lines: expand new and changed ones, fold known videos, keep the rest.

This is the part of the runner that works on lists, one line after another in the order of the list. A line
that requested a host is committed at once; quick lines are committed together, at most a second's.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from ophvl.dataset.ledger import EntryOutcome, hash_columns
from ophvl.dataset.rows import exclude_rows, select_rows
from ophvl.dataset.store import Store
from ophvl.errors import DiskFullError, HostClosedError, ItemError
from ophvl.partitions import partition_of
from ophvl.run.bound_stage import BoundStage, with_retries
from ophvl.run.line_planner import LinePlanner, first_lines, line_fingerprint
from ophvl.run.line_state import KnownLines, LineBatch, LineResult, owned_videos
from ophvl.run.reporter import Reporter
from ophvl.run.results import failed_entry, new_entry, retract
from ophvl.run.unit_worker import UnitReport
from ophvl.stage import SourceLine, StageSpec
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
                video not in known.owner and partition_of(video) in self._planner.partitions
                for video in owned_videos(result.entry)
            )
            if self._planner.forced is not None:
                self._planner.forced.add((name, line.line_id))
            batch.add([result, *known.record(result)], at_once=line.is_url)
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
        sources = known.stored["sources"]
        paths = sources.column("list_path").to_pylist()
        for line_id, path in zip(sources.column("line_id").to_pylist(), paths, strict=True):
            entry = known.entries[line_id]
            owns_nothing = entry.outcome is EntryOutcome.FAILED and not entry.hashes
            if owns_nothing and path in list_paths and line_id not in listed:
                retract(self._store, spec.name, line_id)
                known.folded.pop(line_id, None)  # It inherits nothing.

    def _run_line(
        self, stage: BoundStage, line: SourceLine, known: KnownLines, repeated: str | None
    ) -> LineResult:
        """Expand a line; `repeated` is an earlier line of the list with the same target.

        Raises:
            HostClosedError: its host accepts no requests for now; nothing new is known of the line.
            DiskFullError: there is no room for its result.
        """
        from schemas.videos import VIDEOS

        before = known.entries.get(line.line_id)
        entry = new_entry(stage.spec.name, line.line_id, line_fingerprint(stage, line), before)
        started = time.monotonic()
        owned, folded = VIDEOS.empty(), []
        try:
            if repeated is not None:
                folded = known.video_ids(repeated)
            else:
                videos = with_retries(lambda: stage.call(line)).tables["videos"]
                folded = known.owned_by_others(line, videos.column("video_id").to_pylist())
                owned = exclude_rows(videos, "video_id", folded)
        except ItemError as err:
            if err.kind is FailureKind.DISK_FULL:
                raise DiskFullError(self._store.root, str(err)) from err
            # Its videos stay: a day without network must not void transcripts.
            owned, folded = known.owned_rows(line.line_id), known.folded.get(line.line_id, [])
            where = f"{Path(line.list_path).name} line {line.number}: "
            entry = replace(
                failed_entry(entry, err, started=started, where=where),
                hashes=before.hashes if before else {},
            )
            outcome = Outcome.FAILED
        else:
            hashes = hash_columns(owned, self._store.hashed_columns("videos"))
            entry = replace(
                entry,
                seconds=round(time.monotonic() - started, 3),
                rows={"sources": 1, "videos": owned.num_rows},
                hashes={"videos": hashes} if hashes else {},
            )
            outcome = Outcome.EXPANDED if owned.num_rows else Outcome.FOLDED
        row = SourceRow(
            line_id=line.line_id,
            list_path=line.list_path,
            line_number=line.number,
            text=line.text,
            outcome=outcome,
            units=owned.num_rows,
            folded_videos=folded,
        )
        return LineResult(entry=entry, row=row, videos=owned)

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
        sources = known.stored["sources"]
        index = sources.schema.get_field_index("line_number")
        ids, old = sources.column("line_id").to_pylist(), sources.column(index).to_pylist()
        numbers = [moved.get(line_id, number) for line_id, number in zip(ids, old, strict=True)]
        sources = sources.set_column(index, sources.schema.field(index), [numbers])
        known.stored["sources"] = sources
        tables = {
            table: select_rows(rows, "line_id", moved) for table, rows in known.stored.items()
        }
        self._store.commit_batch([known.entries[line_id] for line_id in moved], tables)
        batch.uncompacted |= moved.keys()
