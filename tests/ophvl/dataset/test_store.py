"""The dataset folder as a whole: results are read before and after compaction."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ophvl.dataset.ledger import EntryOutcome
from ophvl.dataset.store import Store
from ophvl.errors import UsageError
from ophvl.partitions import partition_of
from tests.factories import table, video_id
from tests.ophvl.dataset.results import ids, put, retract
from tests.ophvl.toy_folder import ToyFolder


def test_rows_are_read_before_and_after_compaction(store: Store) -> None:
    for n in (5, 1, 300):
        put(store, n)
    before = store.read("media")
    assert before.column("video_id").to_pylist() == [video_id(n) for n in (1, 5, 300)]
    store.compact("fetch")
    assert store.read("media").equals(before)
    assert not list((store.root / "units" / "fetch").iterdir())
    assert set(store.entries("fetch")) == {video_id(n) for n in (1, 5, 300)}
    store.compact("fetch")  # Nothing to do.
    assert store.read("media").equals(before)


def test_an_empty_folder_reads_as_empty_tables(store: Store) -> None:
    assert store.read("media").equals(table("media"))
    assert store.read("shards", ["pair_id"]).num_rows == 0
    assert store.read("failures").num_rows == 0
    assert store.read("dropped", video_ids=["x"]).num_rows == 0
    assert store.entries("fetch") == {}
    store.compact("fetch")
    store.sweep()
    with pytest.raises(UsageError, match=r"there is no dataset in .*`ophvl ingest"):
        store.require()


def test_a_newer_result_replaces_the_older(store: Store) -> None:
    put(store, 1)
    put(store, 2)
    store.compact("fetch")
    put(store, 1, bytes=7)
    assert store.read("media").column("bytes").to_pylist() == [7, 1002]
    store.compact("fetch")
    assert store.read("media").column("bytes").to_pylist() == [7, 1002]


def test_a_retracted_unit_is_gone_before_and_after_compaction(store: Store) -> None:
    put(store, 1)
    put(store, 2)
    store.compact("fetch")
    retract(store, 1)
    for _ in range(2):
        assert ids(store) == [video_id(2)]
        assert set(store.entries("fetch")) == {video_id(2)}
        store.compact("fetch")
    assert len(list((store.root / "tables" / "media").iterdir())) == 1


def test_an_interrupted_run_is_compacted_by_the_next(
    toy: ToyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.videos("a", "b")
    with monkeypatch.context() as patched:
        patched.setattr(Store, "compact", lambda *how: None)
        toy.run(["list", "fetch", "name"])
    before = toy.store.read("titles")
    assert before.num_rows == 2
    assert not (toy.root / "tables").exists()
    toy.calls()
    toy.run(["list", "fetch", "name"])
    assert toy.calls() == []
    assert toy.store.read("titles").equals(before)
    assert (toy.root / "tables" / "titles").is_dir()


def test_the_partition_of_a_unit_never_changes() -> None:
    assert [partition_of(video_id(n)) for n in range(4)] == [99, 99, 56, 62]


def test_lines_of_a_source_list_count_while_it_exists(store: Store) -> None:
    store.root.mkdir()
    lists = [store.root / name for name in ("one.txt", "two.txt")]
    for path in lists:
        path.touch()
        store.record_source_list(str(path), [f"line_{path.stem}"])
    assert store.listed_lines() == {"line_one", "line_two"}
    lists[0].unlink()
    assert store.listed_lines() == {"line_two"}


def test_a_compaction_ends_the_cache_of_small_tables(toy: ToyFolder) -> None:
    toy.videos("a")
    toy.run(["list"])
    store = toy.store
    assert store.read_unit("videos", "a").num_rows == 1
    retracted = replace(store.entries("list")["a"], outcome=EntryOutcome.RETRACTED)
    store.commit(retracted, {})
    store.compact("list")
    assert store.read_unit("videos", "a").num_rows == 0
