"""Check a whole dataset folder: schemas, keys, foreign keys, time bounds, shards and their hashes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ophvl.dataset.ledger import EntryOutcome
from ophvl.dataset.store import Store
from ophvl.errors import DamagedFileError, SchemaError
from ophvl.ids import sha256_file
from ophvl.stage import Scope
from schemas.base import TableSpec, Violation
from schemas.catalogue import TABLES
from schemas.labels import LABELS
from schemas.shards import SHARDS

if TYPE_CHECKING:
    import pyarrow as pa

SLACK_S = 0.5
"""Recognisers round up: a span may end this much after its video."""


def check_folder(store: Store) -> list[Violation]:
    """Return all violations in the tables and shards of a dataset folder; repair nothing."""
    tables, violations = _read_tables(store)
    for name, table in tables.items():
        for key in TABLES[name].foreign_keys:
            if key.parent in tables:
                parents = tables[key.parent].column(key.parent_column)
                violations += TABLES[name].check_foreign_key(table, key, parents)
    for name in ("transcripts", "narrations", "pairs"):
        if name in tables and "media" in tables:
            violations += _beyond_end(TABLES[name], tables[name], tables["media"])
    pairs = _ready_pairs(store, tables["pairs"]) if "pairs" in tables else None
    return violations + _check_shards(store.root / "shards", pairs)


def _read_tables(store: Store) -> tuple[dict[str, pa.Table], list[Violation]]:
    """Return the tables that can be read, and the violations of each table by itself."""
    violations: list[Violation] = []
    tables: dict[str, pa.Table] = {}
    for name, spec in TABLES.items():
        if spec in (SHARDS, LABELS):
            continue
        try:
            tables[name] = store.read(name)
        except SchemaError as err:
            violations += err.violations
        except (OSError, DamagedFileError) as err:
            message = str(err).splitlines()[:1]
            violations += _violation(
                name, "unreadable file", "(file)", "what the ledger names", message
            )
        else:
            violations += spec.check(tables[name])
    return tables, violations


def _ready_pairs(store: Store, pairs: pa.Table) -> pa.Table:
    """Return the pairs of videos that passed all unit stages: no others go into shards."""
    import pyarrow as pa
    import pyarrow.compute as pc

    stages = [spec.name for spec in store.stages.values() if spec.scope is Scope.UNIT]
    ready = set.intersection(
        *(
            {u for u, e in store.entries(stage).items() if e.outcome is EntryOutcome.EMITTED}
            for stage in stages
        )
    )
    value_set = pa.array(sorted(ready), pa.string())
    return pairs.filter(pc.is_in(pairs.column("video_id"), value_set=value_set))


def _beyond_end(spec: TableSpec, table: pa.Table, media: pa.Table) -> list[Violation]:
    """Return a violation for rows that end after their video does."""
    durations = dict(
        zip(
            media.column("video_id").to_pylist(),
            media.column("duration_s").to_pylist(),
            strict=True,
        )
    )
    ids = table.column(spec.primary_key[0]).to_pylist()
    rows = zip(
        ids, table.column("video_id").to_pylist(), table.column("end_s").to_pylist(), strict=True
    )
    late = [
        f"{row_id} = {end_s} s of {durations[video_id]} s"
        for row_id, video_id, end_s in rows
        if video_id in durations and (end_s or 0.0) > durations[video_id] + SLACK_S
    ]
    return _violation(spec.name, "beyond the end", "end_s", "a time inside the video", late)


def _check_shards(folder: Path, pairs: pa.Table | None) -> list[Violation]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    present = {path.name for path in folder.glob("*.parquet")}
    manifest = folder / "manifest.json"
    listed: dict[str, dict[str, str]] = {}
    if manifest.exists():
        try:
            listed = {file["name"]: file for file in json.loads(manifest.read_text())["shards"]}
        except (ValueError, KeyError, TypeError):
            return _violation("shards", "unreadable file", "(file)", "JSON", [manifest.name])
    elif not present:
        return []
    violations = _violation(
        "shards",
        "not in the manifest",
        "(file)",
        "only listed files",
        sorted(present - set(listed)),
    )
    violations += _violation(
        "shards", "missing file", "(file)", "every listed file", sorted(set(listed) - present)
    )
    ids: list[str] = []
    for name in sorted(present & set(listed)):
        path = folder / name
        if sha256_file(path) != listed[name]["sha256"]:
            violations += _violation(
                "shards", "changed file", "(file)", "the manifest's sha256", [name]
            )
        try:
            rows = pq.ParquetFile(path).read()
        except (OSError, pa.ArrowException):
            violations += _violation(
                "shards", "unreadable file", "(file)", "a Parquet file", [name]
            )
            continue
        in_shard = [replace(v, table=f"shards/{name}") for v in SHARDS.check(rows)]
        violations += in_shard
        if not in_shard:
            ids += rows.column("pair_id").to_pylist()
    if pairs is not None and not violations:
        differing = sorted(set(ids) ^ set(pairs.column("pair_id").to_pylist()))
        violations += _violation(
            "shards", "differs from pairs", "pair_id", "the rows of table pairs", differing
        )
    return violations


def _violation(table: str, rule: str, column: str, expects: str, ids: list[str]) -> list[Violation]:
    if not ids:
        return []
    return [
        Violation(
            table=table,
            rule=rule,
            column=column,
            expects=expects,
            count=len(ids),
            examples=tuple(ids[:5]),
        )
    ]
