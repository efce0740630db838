"""Check the results of stages and commit them, or record why there are none."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ophvl.dataset.ledger import Entry, EntryOutcome, TableHashes, hash_columns
from ophvl.dataset.rows import unit_column
from ophvl.dataset.store import Store
from ophvl.errors import HostClosedError, ItemError
from ophvl.stage import StageResult, StageSpec
from schemas.outcomes import DROPPED, WARNINGS, DroppedRow, WarningRow

if TYPE_CHECKING:
    import pyarrow as pa


class StageBug(Exception):
    """A stage returned what it must not: a bug in our code, whatever the input was."""


def new_entry(stage: str, unit: str, fingerprint: str, before: Entry | None = None) -> Entry:
    """Return the entry of an attempt that begins now; `before` is the unit's entry so far."""
    return Entry(
        stage=stage,
        unit=unit,
        fingerprint=fingerprint,
        outcome=EntryOutcome.EMITTED,
        at=_now(),
        attempt=before.attempt + 1 if before and before.outcome is EntryOutcome.FAILED else 1,
    )


def commit_result(store: Store, entry: Entry, result: StageResult, *, started: float) -> Entry:
    """Check a stage's result and commit it; return `entry` with its outcome.

    Args:
        started: `time.monotonic()` at the start of the call.

    Raises:
        StageBug: the rows break their schema.
    """
    _check_output(store.stages[entry.stage], entry.unit, result)
    drops = [drop for drop in result.dropped if drop.row_id == entry.unit]
    done = replace(
        entry,
        outcome=EntryOutcome.DROPPED if drops else EntryOutcome.EMITTED,
        message=f"{drops[0].reason}: {drops[0].message}" if drops else "",
        seconds=round(time.monotonic() - started, 3),
        rows={name: table.num_rows for name, table in result.tables.items()},
        hashes=_table_hashes(store, result.tables),
    )
    store.commit(done, {**result.tables, **_outcome_tables(done, result)})
    return done


def failed_entry(
    entry: Entry, err: ItemError | HostClosedError, *, started: float, where: str = ""
) -> Entry:
    """Return `entry` as a recorded failure; `where` precedes the message."""
    return replace(
        entry,
        outcome=EntryOutcome.FAILED,
        kind=err.kind,
        # File names may hold bytes that are no text; no table stores them as they are.
        message=f"{where}{err}".encode(errors="backslashreplace").decode(),
        seconds=round(time.monotonic() - started, 3),
    )


def retract(store: Store, stage: str, unit: str) -> Entry:
    """Void the results of `stage` for `unit`, since an earlier stage no longer passes the unit on."""
    entry = retracted_entry(stage, unit)
    store.commit(entry, {})
    return entry


def retracted_entry(stage: str, unit: str) -> Entry:
    """Return the entry that voids the results of `stage` for `unit`."""
    return Entry(stage=stage, unit=unit, fingerprint="", outcome=EntryOutcome.RETRACTED, at=_now())


def check_rows(origin: str, tables: Mapping[str, pa.Table]) -> None:
    """Check rows against the schemas of their tables.

    Raises:
        StageBug: they break them; the message begins with `origin`.
    """
    from schemas.catalogue import TABLES

    violations = [v for name, table in tables.items() for v in TABLES[name].check(table)]
    if violations:
        text = "\n  ".join(map(str, violations))
        raise StageBug(f"{origin} made rows that break the schema:\n  {text}")


def _check_output(spec: StageSpec, unit: str, result: StageResult) -> None:
    """Check that a stage wrote the tables it declares, by their schemas, and for its unit alone."""
    import pyarrow.compute as pc

    if set(result.tables) != set(spec.writes):
        raise StageBug(
            f"stage {spec.name} for {unit} wrote {sorted(result.tables)}, "
            f"but declares {sorted(spec.writes)}"
        )
    check_rows(f"stage {spec.name} for {unit}", result.tables)
    for name, table in result.tables.items():
        column = unit_column(spec, name)
        if column and pc.any(pc.not_equal(table.column(column), unit)).as_py():
            raise StageBug(f"stage {spec.name} made rows of {name} for another unit than {unit}")


def _table_hashes(store: Store, tables: Mapping[str, pa.Table]) -> TableHashes:
    """Hash the columns that later stages read."""
    return {name: hash_columns(name, t, store.hashed_columns(name)) for name, t in tables.items()}


def _outcome_tables(entry: Entry, result: StageResult) -> dict[str, pa.Table]:
    """Return the drops and the warnings of a result, where there are any, as tables."""
    drops = [
        DroppedRow(
            row_id=drop.row_id,
            unit=entry.unit,
            stage=entry.stage,
            reason=drop.reason,
            message=drop.message,
        )
        for drop in result.dropped
    ]
    tables = ((DROPPED, drops), (WARNINGS, warning_rows(entry, result)))
    return {spec.name: spec.table(rows) for spec, rows in tables if rows}


def warning_rows(entry: Entry, result: StageResult) -> list[WarningRow]:
    """Return the warnings of a result as rows."""
    return [
        WarningRow(unit=entry.unit, stage=entry.stage, **asdict(warning))
        for warning in result.warnings
    ]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
