"""Ledger entries: the outcome of one unit in one stage, and the fingerprint that decides a rerun.

An entry holds, for every table that the unit wrote, one hash per source video and column. The
fingerprint of a later stage is made from those hashes, so planning a run reads no table at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from ophvl.config import Settings, fingerprint_values
from ophvl.stage import StageSpec
from schemas.vocab import FailureKind

if TYPE_CHECKING:
    import pyarrow as pa

WHOLE = "corpus"
"""The unit of stages that see the whole corpus at once."""

ColumnHashes = Mapping[str, str]
TableHashes = Mapping[str, Mapping[str, ColumnHashes]]
"""Table to source video to column to hash."""


class EntryOutcome(StrEnum):
    """How a stage ended for a unit."""

    EMITTED = "emitted"
    DROPPED = "dropped"
    FAILED = "failed"
    RETRACTED = "retracted"
    """An earlier stage no longer passes the unit on: its rows here are void."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One unit in one stage, as of its latest attempt. `at` is UTC, ISO 8601."""

    stage: str
    unit: str
    fingerprint: str
    outcome: EntryOutcome
    at: str
    seconds: float = 0.0
    attempt: int = 1
    rows: Mapping[str, int] = field(default_factory=dict)
    hashes: TableHashes = field(default_factory=dict)
    kind: FailureKind | None = None
    message: str = ""

    def to_json(self) -> str:
        """Write the entry as one line of JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @staticmethod
    def from_json(text: str) -> Entry:
        """Read an entry that `to_json` wrote."""
        values = json.loads(text)
        kind = values.pop("kind")
        outcome = EntryOutcome(values.pop("outcome"))
        return Entry(kind=FailureKind(kind) if kind else None, outcome=outcome, **values)


def described_video(line: Entry, video_id: str, columns: ColumnHashes) -> Entry:
    """Return the entry of a video whose row in table `videos` comes from a line.

    Args:
        line: the entry of that line.
        columns: the hashes of the row's columns.
    """
    return Entry(
        stage=line.stage,
        unit=video_id,
        fingerprint="",  # Its lines decide when it is described again.
        outcome=EntryOutcome.EMITTED,
        at=line.at,
        rows={"videos": 1},
        hashes={"videos": {video_id: columns}},
    )


def covered(entries: Mapping[str, Entry]) -> set[str]:
    """Return the source videos that a stage of the whole corpus last ran on."""
    entry = entries.get(WHOLE)
    return {unit for units in entry.hashes.values() for unit in units} if entry else set()


def fingerprint(
    stage: StageSpec, config: Settings, revisions: Mapping[str, str], inputs: object
) -> str:
    """Return a hash of everything that a stage's result depends on.

    Args:
        stage: its name and version count.
        config: the stage's settings; those marked EFFORT do not count.
        revisions: port name to revision, e.g. the hash of a model's weights.
        inputs: what it reads, as JSON-ready values: hashes by table and column.
    """
    values = [stage.name, stage.version, fingerprint_values(config), dict(revisions), inputs]
    text = json.dumps(values, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def input_hashes(table: str, columns: Iterable[str], hashes: ColumnHashes) -> dict[str, str]:
    """Return what the fingerprint of a stage holds of one video's rows of a table that it reads.

    A column that came after the first version of its table counts only where it has a value. So it redoes
    nothing but the videos that it says something of.
    """
    from schemas.catalogue import TABLES

    later = TABLES[table].later_columns
    return {c: hashes.get(c, "") for c in columns if c in hashes or c not in later}


def hash_columns(table: str, rows: pa.Table, columns: Iterable[str]) -> dict[str, dict[str, str]]:
    """Hash `columns` of rows of `table` for each source video: video id to column to hash.

    Rows count in the order in which they stand. A table without a `video_id` column has no hashes:
    no later stage reads it by video. Nor has a later column without values (`input_hashes`).
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from schemas.catalogue import TABLES

    names = [name for name in columns if name in rows.column_names]
    if "video_id" not in rows.column_names or not rows.num_rows:
        return {}
    later = TABLES[table].later_columns
    order = pc.sort_indices(rows.column("video_id"))
    ordered = rows.select(list(dict.fromkeys(["video_id", *names]))).take(order)
    runs = pc.run_end_encode(ordered.column("video_id").combine_chunks())
    hashes: dict[str, dict[str, str]] = {}
    start = 0
    for video_id, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
        # `take` copies, so that equal rows give equal bytes at any offset of the table.
        own = ordered.take(pa.array(range(start, end)))
        hashes[video_id] = {
            name: _hash_column(own.select([name]))
            for name in names
            if name not in later or own.column(name).null_count < len(own)
        }
        start = end
    return hashes


def _hash_column(column: pa.Table) -> str:
    digest = hashlib.sha256()
    for batch in column.replace_schema_metadata(None).combine_chunks().to_batches():
        digest.update(batch.serialize())
    return digest.hexdigest()[:16]
