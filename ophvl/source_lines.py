"""Run a stage on source lines: expand what is new or changed, fold what is known, keep the rest.

This is the part of the runner that works on lists, one line after another in the order of the list.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ophvl.errors import ItemError
from ophvl.ledger import Entry, EntryOutcome, fingerprint
from ophvl.reporter import Reporter
from ophvl.stage import SourceLine, StageResult, StageSpec
from ophvl.store import Store
from ophvl.unit_chain import (
    OpenStage,
    UnitReport,
    commit_result,
    failed_entry,
    now,
    retract,
    with_retries,
)
from schemas.vocab import Outcome

if TYPE_CHECKING:
    import pyarrow as pa

_PLACE = ("line_id", "line_number")


class LineRunner:
    """Runs a line stage on the lines of a list. `force` expands every line anew."""

    def __init__(self, store: Store, reporter: Reporter, *, force: bool) -> None:
        self._store = store
        self._reporter = reporter
        self._force = force

    def run(self, stage: OpenStage, lines: Sequence[SourceLine]) -> None:
        """Run `stage` on every line that is new, changed or failed; keep the rest."""
        spec = stage.spec
        entries = self._store.entries(spec.name)
        stored = {table: self._store.read(table) for table in spec.writes}
        numbers = dict(zip(*(stored["sources"].column(c).to_pylist() for c in _PLACE), strict=True))
        marks = {line.line_id: _mark(stage, line) for line in lines}
        self._forget_mended(spec, lines, entries, stored["sources"])
        again = self._lines_to_do(marks, entries, stored["sources"])
        known = {
            video_id
            for line_id, entry in entries.items()
            if line_id not in again
            for video_id in entry.hashes.get("videos", {})
        }
        self._reporter.started([spec.name], len(lines))
        targets: set[str] = set()
        for line in lines:
            repeated = line.target in targets
            targets.add(line.target)
            before = entries.get(line.line_id)
            if before is not None and line.line_id not in again:
                if numbers[line.line_id] != line.number:
                    self._renumber(line, before, stored)
                self._reporter.advanced(UnitReport(unit=line.text, unchanged=(spec.name,)))
                continue
            mark = marks[line.line_id]
            entry = self._run_line(stage, line, mark, before, stored["videos"], known, repeated)
            known |= set(entry.hashes.get("videos", {}))
            self._reporter.advanced(UnitReport(unit=line.text, entries=(entry,)))
        self._reporter.ended()

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
        self, marks: Mapping[str, str], entries: Mapping[str, Entry], sources: pa.Table
    ) -> set[str]:
        again = {
            line_id
            for line_id, mark in marks.items()
            if self._force
            or line_id not in entries
            or entries[line_id].fingerprint != mark
            or entries[line_id].outcome is EntryOutcome.FAILED
        }
        if any(entries[i].hashes.get("videos") for i in again if i in entries):
            # What that line no longer leads to may still be on a line that was folded into it.
            folded = sources.column("folded_units").to_pylist()
            ids = sources.column("line_id").to_pylist()
            again |= {i for i, n in zip(ids, folded, strict=True) if n and i in marks}
        return again

    def _run_line(
        self,
        stage: OpenStage,
        line: SourceLine,
        mark: str,
        before: Entry | None,
        stored_videos: pa.Table,
        known: set[str],
        repeated: bool,
    ) -> Entry:
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
        except ItemError as err:
            # What the line led to before stays: a day without network must not void transcripts.
            held = before.hashes.get("videos", {}) if before else {}
            kept = {video_id: hashes for video_id, hashes in held.items() if video_id not in known}
            own = _of_line(stored_videos, line.line_id) if kept else VIDEOS.empty()
            where = f"{Path(line.list_path).name} line {line.number}: "
            failed = replace(
                failed_entry(entry, err, started=started, where=where),
                hashes={"videos": kept} if kept else {},
            )
            row = _source_row(line, Outcome.FAILED, len(kept), 0)
            self._store.commit(failed, {"sources": row, "videos": _without(own, known)})
            return failed
        new = _without(found, known)
        folded = found.num_rows - new.num_rows
        outcome = Outcome.EXPANDED if new.num_rows else Outcome.FOLDED
        row = _source_row(line, outcome, new.num_rows, folded)
        result = StageResult(tables={"sources": row, "videos": new})
        return commit_result(self._store, entry, result, started=started)

    def _renumber(self, line: SourceLine, entry: Entry, stored: Mapping[str, pa.Table]) -> None:
        """Lines move when a list is edited: keep the number that the user sees, fetch nothing."""
        own = {table: _of_line(rows, line.line_id) for table, rows in stored.items()}
        source = own["sources"]
        place = source.schema.get_field_index("line_number")
        moved = source.set_column(place, source.schema.field(place), [[line.number]])
        self._store.commit(entry, {**own, "sources": moved})


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


def _of_line(rows: pa.Table, line_id: str) -> pa.Table:
    import pyarrow.compute as pc

    return rows.filter(pc.equal(rows.column("line_id"), line_id))


def _without(videos: pa.Table, known: set[str]) -> pa.Table:
    import pyarrow as pa

    unknown = [video_id not in known for video_id in videos.column("video_id").to_pylist()]
    return videos.filter(pa.array(unknown, pa.bool_()))


def _source_row(line: SourceLine, outcome: Outcome, units: int, folded: int) -> pa.Table:
    from schemas.sources import SOURCES

    row = _SourceRow(
        line_id=line.line_id,
        list_path=line.list_path,
        line_number=line.number,
        text=line.text,
        outcome=outcome,
        units=units,
        folded_units=folded,
    )
    return SOURCES.table([row])
