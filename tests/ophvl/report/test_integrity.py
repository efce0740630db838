"""`ophvl check` finds what is broken in a folder, wherever it is."""

from __future__ import annotations

import json
from typing import Any

import pyarrow.parquet as pq
import pytest

from ophvl.dataset.ledger import Entry, EntryOutcome
from ophvl.dataset.store import Store
from ophvl.ids import sha256_file
from ophvl.report.integrity import check_folder
from schemas.vocab import FailureKind
from tests.factories import ROWS, shard_row, table, video_id
from tests.ophvl.report.conftest import write_shards


def put(store: Store, stage: str, n: int, **rows: list[Any]) -> None:
    """Commit these rows as the result of `stage` for video `n`, unchecked."""
    entry = Entry(
        stage=stage, unit=video_id(n), fingerprint="f", outcome=EntryOutcome.EMITTED, at="x"
    )
    store.commit(entry, {name: table(name, *of_table) for name, of_table in rows.items()})


def violations(store: Store) -> set[tuple[str, str]]:
    return {(v.table, v.rule) for v in check_folder(store)}


def test_a_whole_folder_is_fine(store: Store) -> None:
    assert check_folder(store) == []


def test_without_shards_it_is_fine_too(store: Store) -> None:
    for path in (store.root / "shards").iterdir():
        path.unlink()
    assert check_folder(store) == []


@pytest.mark.parametrize(
    ("stage", "name", "changes", "broken"),
    [
        ("segment", "narrations", {"text": " "}, ("narrations", "blank")),
        ("segment", "narrations", {"end_s": 61.0}, ("narrations", "beyond the end")),
        ("segment", "narrations", {"end_s": None}, ("narrations", "null")),
        ("segment", "narrations", {"video_id": None}, ("narrations", "null")),
        ("tag", "attributes", {"video_id": "youtube_none"}, ("attributes", "dangling")),
        ("pair", "pairs", {"split": "holdout"}, ("pairs", "not in set")),
    ],
)
def test_broken_rows_are_reported(
    store: Store, stage: str, name: str, changes: dict[str, object], broken: tuple[str, str]
) -> None:
    put(store, stage, 1, **{name: [ROWS[name](1, **changes)]})
    assert broken in violations(store)


def test_a_span_may_end_a_moment_late(store: Store) -> None:
    put(store, "segment", 1, narrations=[ROWS["narrations"](1, end_s=60.4)])
    assert violations(store) == set()


def test_a_missing_parent_is_reported(store: Store) -> None:
    put(store, "download", 2)
    assert ("frames", "dangling") in violations(store)


def test_a_table_of_another_version_does_not_hide_the_others(store: Store) -> None:
    put(store, "segment", 1, narrations=[ROWS["narrations"](1, text=" ")])
    (path, *_) = (store.root / "tables" / "titles").iterdir()
    rows = pq.read_table(path).replace_schema_metadata({"ophvl.version": "0"})
    pq.write_table(rows, path)
    assert {("titles", "wrong version"), ("narrations", "blank")} <= violations(store)


def test_broken_shards_are_reported(store: Store) -> None:
    shards = store.root / "shards"
    path = shards / "train-00000.parquet"
    (shards / "train-00001.parquet").write_bytes(path.read_bytes())
    assert violations(store) == {("shards", "not in the manifest")}
    (shards / "train-00001.parquet").unlink()
    pq.write_table(table("shards", shard_row(1, text=None)), path)
    assert violations(store) == {("shards", "changed file"), (f"shards/{path.name}", "missing")}
    path.write_bytes(b"not Parquet")
    assert violations(store) == {("shards", "changed file"), ("shards", "unreadable file")}
    path.unlink()
    assert violations(store) == {("shards", "missing file")}
    write_shards(shards)
    assert violations(store) == set()
    put(store, "pair", 1, pairs=[], routes=[])
    assert violations(store) == {("shards", "differs from pairs")}


def test_pairs_of_a_stuck_video_are_not_missed_in_the_shards(store: Store) -> None:
    entry = Entry(
        stage="frames",
        unit=video_id(2),
        fingerprint="f",
        outcome=EntryOutcome.FAILED,
        at="2026-01-01T00:00:00+00:00",
        kind=FailureKind.DECODE_ERROR,
    )
    store.commit(entry, {})
    path = store.root / "shards" / "train-00000.parquet"
    rows = pq.read_table(path)
    pq.write_table(rows.take([0, 2]), path)
    manifest = {"shards": [{"name": path.name, "sha256": sha256_file(path)}]}
    (path.parent / "manifest.json").write_text(json.dumps(manifest))
    assert violations(store) == set()


def test_manifest_names_stay_in_the_folder(store: Store) -> None:
    manifest = store.root / "shards" / "manifest.json"
    manifest.write_text(json.dumps({"shards": [{"name": "../../etc/passwd", "sha256": ""}]}))
    assert violations(store) == {("shards", "missing file"), ("shards", "not in the manifest")}


def test_damaged_and_missing_files_are_reported(store: Store) -> None:
    (store.root / "shards" / "manifest.json").unlink()
    assert ("shards", "not in the manifest") in violations(store)
    (store.root / "shards" / "manifest.json").write_text("{")
    assert ("shards", "unreadable file") in violations(store)
    damaged = next((store.root / "tables" / "titles").iterdir())
    damaged.write_bytes(b"PAR1 no more")
    next((store.root / "tables" / "routes").iterdir()).unlink()
    assert {("titles", "unreadable file"), ("routes", "unreadable file")} <= violations(store)
