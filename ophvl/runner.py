"""Run a range of stages: plan by fingerprint, skip what stands, call, check, commit, account.

The runner is the same for every stage and for every executor. It alone retries, and it alone decides
what is a recorded failure (`ItemError`) and what is a bug (any other exception, which stops the run).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ophvl.atomic import replacing_folder
from ophvl.errors import ItemError, UsageError
from ophvl.executors import local
from ophvl.ledger import WHOLE, ColumnHashes, Entry, EntryOutcome
from ophvl.pins import check_pins
from ophvl.stage import Scope, SourceLine, StageResult, StageSpec
from ophvl.store import Store, TableReader
from ophvl.unit_chain import (
    ChainSetup,
    OpenStage,
    UnitReport,
    UnitTask,
    commit_result,
    failed_entry,
    now,
    retract,
    with_retries,
)
from schemas.vocab import Outcome

if TYPE_CHECKING:
    import pyarrow as pa
    from _typeshed import DataclassInstance


_PLACE = ("line_id", "line_number")


class Reporter(Protocol):
    """Who is told how the run goes. The runner prints nothing itself."""

    def note(self, text: str) -> None:
        """Something the user should know, such as which model was chosen and why."""

    def started(self, stages: Sequence[str], total: int) -> None:
        """A group of stages begins, on `total` units."""

    def advanced(self, report: UnitReport) -> None:
        """One unit is through the group, or has stopped in it."""

    def ended(self) -> None:
        """The group is through."""


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How to run. `only` limits unit stages to these videos; `repin` accepts other models."""

    only: tuple[str, ...] = ()
    force: bool = False
    workers: int = 1
    repin: bool = False


class Runner:
    """Runs stages on one dataset folder, whose lock the caller holds.

    Args:
        store: the dataset folder.
        configs: the config of every stage by name.
        reporter: told how it goes.
    """

    def __init__(
        self,
        store: Store,
        configs: Mapping[str, DataclassInstance],
        options: RunOptions,
        reporter: Reporter,
    ) -> None:
        self._store = store
        self._stages = list(store.stages.values())
        self._configs = configs
        self._options = options
        self._reporter = reporter

    def run(self, names: Sequence[str], lines: Sequence[SourceLine] = ()) -> None:
        """Run the stages `names`, which follow each other; `lines` feed the first if it reads lines.

        Raises:
            UsageError: the folder's models or its state do not allow it; the message says what next.
        """
        self._store.sweep()
        for stage in names:
            self._store.compact(stage)  # What an earlier, interrupted run left.
        chosen = [self._store.stages[name] for name in names]
        for scope, group in groupby(chosen, key=lambda spec: spec.scope):
            specs = list(group)
            check_pins(
                self._store.root,
                [self._open(spec) for spec in specs],
                repin=self._options.repin,
                note=self._reporter.note,
            )
            try:
                if scope is Scope.UNIT:
                    self._run_units(specs)
                else:
                    for spec in specs:
                        self._run_whole(spec, lines)
            finally:
                for spec in specs:
                    self._store.compact(spec.name)

    def _open(self, spec: StageSpec) -> OpenStage:
        return OpenStage(spec=spec, config=self._configs[spec.name], folder=self._store.root)

    def _run_whole(self, spec: StageSpec, lines: Sequence[SourceLine]) -> None:
        if spec.scope is Scope.LINE:
            self._run_lines(spec, lines)
        else:
            self._run_corpus(spec)

    # Source lines

    def _run_lines(self, spec: StageSpec, lines: Sequence[SourceLine]) -> None:
        stage = self._open(spec)
        entries = self._store.entries(spec.name)
        stored = {table: self._store.read(table) for table in spec.writes}
        numbers = dict(zip(*(stored["sources"].column(c).to_pylist() for c in _PLACE), strict=True))
        marks = {
            line.line_id: stage.fingerprint([line.target, line.stamp, line.text]) for line in lines
        }
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
            if self._options.force
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

    # Source videos, one by one

    def _run_units(self, specs: Sequence[StageSpec]) -> None:
        ready = self._passed_before(specs[0])
        entries = {spec.name: self._store.entries(spec.name) for spec in specs}
        for name, of_stage in entries.items():
            for unit in sorted(set(of_stage) - set(ready)):
                if not self._options.only:
                    retract(self._store, name, unit)
        if self._options.only:
            unknown = sorted(set(self._options.only) - set(ready))
            if unknown:
                raise UsageError(
                    f"no video {', '.join(unknown)} is ready for stage {specs[0].name}; "
                    "`ophvl show VIDEO_ID` tells where it is"
                )
            ready = [unit for unit in ready if unit in self._options.only]
        written = {table for spec in specs for table in spec.writes}
        read = {table for spec in specs for table in spec.reads}
        hashes = self._hashes(read - written)
        tasks = [
            UnitTask(
                unit=unit,
                hashes={table: of_table.get(unit, {}) for table, of_table in hashes.items()},
                entries={name: e[unit] for name, e in entries.items() if unit in e},
                force=self._options.force,
            )
            for unit in ready
        ]
        setup = ChainSetup(
            root=self._store.root,
            stages=self._stages,
            chain=[spec.name for spec in specs],
            configs=self._configs,
        )
        self._reporter.started(setup.chain, len(tasks))
        workers = max(1, min(self._options.workers, len(tasks)))
        for report in local.run(setup, tasks, workers=workers):
            self._reporter.advanced(report)
        self._reporter.ended()

    def _passed_before(self, spec: StageSpec) -> list[str]:
        """The source videos that all unit stages before `spec` have passed on, in list order."""
        videos = self._store.read("videos", ["video_id", "line_id"])
        numbers = self._store.read("sources", ["line_id", "list_path", "line_number"])
        place = {
            line: (path, number)
            for line, path, number in zip(*(c.to_pylist() for c in numbers.columns), strict=True)
        }
        lines = dict(zip(*(c.to_pylist() for c in videos.columns), strict=True))
        passed = set(lines)
        for earlier in self._stages[: self._stages.index(spec)]:
            if earlier.scope is Scope.UNIT:
                passed &= {
                    unit
                    for unit, entry in self._store.entries(earlier.name).items()
                    if entry.outcome is EntryOutcome.EMITTED
                }
        return sorted(passed, key=lambda unit: (place[lines[unit]], unit))

    def _hashes(self, tables: Iterable[str]) -> dict[str, dict[str, ColumnHashes]]:
        """Table to source video to column hashes, from the ledger of the stages that wrote them."""
        wanted = set(tables)
        hashes: dict[str, dict[str, ColumnHashes]] = {table: {} for table in wanted}
        for spec in self._stages:
            if not wanted & set(spec.writes):
                continue
            for entry in self._store.entries(spec.name).values():
                for table in wanted & set(entry.hashes):
                    hashes[table].update(entry.hashes[table])
        return hashes

    # The whole corpus at once

    def _run_corpus(self, spec: StageSpec) -> None:
        stage = self._open(spec)
        ready = self._passed_before(spec)
        chosen = set(ready)
        hashes = {
            table: {unit: columns for unit, columns in sorted(of_table.items()) if unit in chosen}
            for table, of_table in self._hashes(spec.reads).items()
        }
        mark = stage.fingerprint(hashes)
        before = self._store.entries(spec.name).get(WHOLE)
        folder = self._store.root / f"{spec.name}s"
        stands = before is not None and before.fingerprint == mark and not self._options.force
        if stands and (spec.scope is Scope.CORPUS or folder.is_dir()):
            self._reporter.started([spec.name], 1)
            self._reporter.advanced(UnitReport(unit=WHOLE, unchanged=(spec.name,)))
            self._reporter.ended()
            return
        if not ready:
            raise UsageError(
                f"no video is ready for stage {spec.name}; run the stages before it first, "
                "and see `ophvl status` for what became of each video"
            )
        self._reporter.started([spec.name], 1)
        entry = Entry(
            stage=spec.name,
            unit=WHOLE,
            fingerprint=mark,
            outcome=EntryOutcome.EMITTED,
            at=now(),
        )
        started = time.monotonic()
        if spec.scope is Scope.EXPORT:
            with replacing_folder(folder) as temporary:
                result = stage.call(_reader_of(self._store, chosen), folder=temporary)
            entry = commit_result(self._store, entry, result, started=started)
        else:
            inputs: dict[str, pa.Table] = {
                table: self._store.read(table, columns, video_ids=chosen)
                for table, columns in spec.reads.items()
            }
            entry = commit_result(self._store, entry, stage.call(**inputs), started=started)
        self._reporter.advanced(UnitReport(unit=WHOLE, entries=(entry,)))
        self._reporter.ended()


def _reader_of(store: Store, chosen: set[str]) -> TableReader:
    """`store.read` as if the folder held these source videos alone, so that no stuck one gets out."""

    def read(
        table: str, columns: Sequence[str] | None = None, video_ids: Iterable[str] | None = None
    ) -> pa.Table:
        asked = chosen if video_ids is None else chosen.intersection(video_ids)
        return store.read(table, columns, asked)

    return read


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
