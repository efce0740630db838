"""A small finished dataset: two narrated videos and a silent one, as the real stages would leave it."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ophvl.dataset.ledger import WHOLE, Entry, EntryOutcome
from ophvl.dataset.store import Store
from ophvl.ids import sha256_file
from ophvl.stage import Scope
from pipelines.registry import load_stages
from tests.factories import ROWS, shard_row, table, video_id

SILENT = 3
SPOKEN = ("transcripts", "overrides", "narrations", "rewrites", "attributes", "video_attributes")


def rows_of(name: str, n: int) -> pa.Table:
    """The rows of table `name` for video `n`; the silent one is not spoken of."""
    if n == SILENT and name in SPOKEN:
        return table(name)
    if name == "routes" and n == SILENT:
        return table(name, ROWS[name](n, route="silent", reason="little_speech"))
    if name == "pairs":
        return table(name, ROWS[name](n, **pair(n)))
    return table(name, ROWS[name](n))


def pair(n: int) -> dict[str, object]:
    if n != SILENT:
        return {}
    whole = {"pair_id": f"{video_id(n)}-v", "level": "video", "kind": "silent", "text": None}
    return {**whole, "start_s": 0.0, "end_s": 60.0, "attributes": []}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr("ophvl.atomic_io.os.fsync", lambda descriptor: None)
    store = Store(tmp_path / "out", load_stages())
    for spec in load_stages():
        numbers = {Scope.LINE: {f"line_{n:016x}": [n] for n in (1, 2, 3)}}.get(spec.scope)
        if spec.scope is Scope.UNIT:
            numbers = {video_id(n): [n] for n in (1, 2, 3)}
        for unit, of_unit in (numbers or {WHOLE: [1, 2, 3]}).items():
            entry = Entry(
                stage=spec.name,
                unit=unit,
                fingerprint="f",
                outcome=EntryOutcome.EMITTED,
                at="2026-01-01T00:00:00+00:00",
                hashes={spec.name: {video_id(n): {} for n in of_unit}},
            )
            tables = {
                name: pa.concat_tables([rows_of(name, n) for n in of_unit]) for name in spec.writes
            }
            store.commit(entry, tables)
        store.compact(spec.name)
    write_shards(store.root / "shards")
    return store


def write_shards(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / "train-00000.parquet"
    pq.write_table(table("shards", *(shard_row(n, **pair(n)) for n in (1, 2, 3))), path)
    files = [{"name": path.name, "sha256": sha256_file(path)}]
    (folder / "manifest.json").write_text(json.dumps({"shards": files}))
