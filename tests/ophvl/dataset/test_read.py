"""Only the requested rows and columns are read, of this schema, also while another process compacts."""

from __future__ import annotations

from typing import Any

import pyarrow.parquet as pq
import pytest

from ophvl.dataset import read
from ophvl.dataset.store import Store
from ophvl.errors import SchemaError
from schemas.media import MEDIA
from tests.factories import dropped_row, media_row, table, video_id
from tests.ophvl.dataset.results import entry_of, ids, put
from tests.ophvl.toy_folder import ToyFolder


def test_only_the_requested_columns_and_videos_are_read(store: Store) -> None:
    for n in range(6):
        put(store, n)
        if n == 3:
            store.compact("fetch")
    requested = [video_id(1), video_id(5), "nobody"]
    rows = store.read("media", ["bytes", "duration_s"], requested)
    assert rows.column_names == ["bytes", "duration_s"]
    assert rows.to_pylist() == [
        {"bytes": 1001, "duration_s": 60.0},
        {"bytes": 1005, "duration_s": 60.0},
    ]
    assert (
        ids(store, ["video_id"], iter(requested)) == requested[:2]
    )  # An iterator is read but once.
    assert ids(store, None, []) == []
    assert store.read_unit("media", video_id(2)).num_rows == 1


@pytest.mark.parametrize("compacted", [True, False])
def test_rows_of_another_schema_are_refused(
    store: Store, compacted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = dict(table("media").schema.metadata) | {b"ophvl.version": b"0"}
    if compacted:
        put(store, 1)
        store.compact("fetch")
        (path,) = (store.root / "tables" / "media").iterdir()
        pq.write_table(pq.read_table(path).replace_schema_metadata(older), path)
    else:
        rows = table("media", media_row(1)).replace_schema_metadata(older)
        store.commit(entry_of(1), {"media": rows})
    with pytest.raises(SchemaError, match=r"schema of 'media'; continue with") as caught:
        store.read("media", ["video_id"])
    assert [v.rule for v in caught.value.violations] == ["wrong version"]


@pytest.mark.parametrize("compacted", [True, False])
def test_columns_that_came_later_are_null_in_older_files(store: Store, compacted: bool) -> None:
    newer = table("media", media_row(1, audio_stream=1))
    older = dict(newer.schema.metadata) | {b"ophvl.version": b"1"}
    rows = newer.select([c for c in newer.column_names if c not in MEDIA.later_columns])
    put(store, 2)
    store.compact("fetch")
    store.commit(entry_of(1), {"media": rows.replace_schema_metadata(older)})
    if compacted:
        store.compact("fetch")
        for path in (store.root / "tables" / "media").iterdir():
            stored = pq.read_table(path)
            earlier = stored.drop_columns(sorted(MEDIA.later_columns))
            pq.write_table(earlier.replace_schema_metadata(older), path)
    read_back = store.read("media")
    assert MEDIA.check(read_back) == []
    assert read_back.column("video_id").to_pylist() == [video_id(1), video_id(2)]
    assert read_back.column("audio_stream").to_pylist() == [None, None]
    assert store.read("media", ["clock_jumps", "bytes"]).to_pylist()[0] == {
        "clock_jumps": None,
        "bytes": 1001,
    }
    # A file of an earlier version that lacks another column is refused as before.
    store.commit(entry_of(1), {"media": rows.drop_columns("fps").replace_schema_metadata(older)})
    with pytest.raises(SchemaError):
        store.read("media")


def test_dropped_rows_of_all_stages_are_one_table(store: Store) -> None:
    for n, stage in ((1, "fetch"), (1, "frames"), (2, "fetch")):
        store.commit(entry_of(n, stage), {"dropped": table("dropped", dropped_row(n, stage=stage))})
        store.compact(stage)
    keys = store.read("dropped", ["stage", "unit"]).to_pylist()
    assert [tuple(k.values()) for k in keys] == [
        ("fetch", video_id(1)),
        ("fetch", video_id(2)),
        ("frames", video_id(1)),
    ]


@pytest.mark.parametrize("calls", [1, 64, 128])
def test_a_video_that_changes_lines_under_a_read_is_read_once(
    toy: ToyFolder, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.source("one.json", ("v", ""))
    toy.source("two.json", ("v", ""))
    toy.list("one.json", "two.json")
    toy.run(["list"])
    toy.source("one.json", ("w", ""))
    segment_rows = read.read_segment_rows
    done: list[int] = []

    def change_after_some_partitions(*arguments: Any) -> Any:
        done.append(1)
        if len(done) == calls:
            toy.run(["list"])
        return segment_rows(*arguments)

    monkeypatch.setattr(read, "read_segment_rows", change_after_some_partitions)
    assert toy.column("videos", "video_id").count("v") == 1
    assert toy.column("videos", "video_id") == ["v", "w"]
