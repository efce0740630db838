"""Compaction keeps the rows, whatever instant it is interrupted at."""

from __future__ import annotations

import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ophvl.dataset.store import Store
from ophvl.partitions import Partitions, partition_of
from tests.factories import frame_row, media_row, table, video_id
from tests.ophvl.dataset.results import STAGES, entry_of, ids, put


def test_a_crash_after_the_segment_leaves_the_same_rows(store: Store) -> None:
    """The segment was renamed into place, but its unit files were not removed yet."""
    put(store, 1)
    copy = store.root.parent / "copy"
    shutil.copytree(store.root / "units", copy)
    before = store.read("media")
    store.compact("fetch")
    shutil.copytree(copy, store.root / "units", dirs_exist_ok=True)
    again = Store(store.root, STAGES)
    assert again.read("media").equals(before)
    again.sweep()
    again.compact("fetch")
    assert again.read("media").equals(before)
    assert len(list((store.root / "tables" / "media").iterdir())) == 1


def test_one_column_of_frames_does_not_load_the_pictures(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = bytes(2**20)
    rows = [frame_row(1, time_s=float(t), jpeg=picture) for t in range(20)]
    store.commit(entry_of(1, "frames"), {"frames": table("frames", *rows)})
    store.compact("frames")
    read_table = pq.read_table
    sizes = []

    def measured(*args: object, **keywords: object) -> pa.Table:
        rows = read_table(*args, **keywords)
        sizes.append(rows.nbytes)
        return rows

    monkeypatch.setattr(pq, "read_table", measured)
    assert store.read("frames", ["time_s"]).num_rows == 20
    assert sum(sizes) < 10_000
    (path,) = (store.root / "tables" / "frames").iterdir()
    assert pq.ParquetFile(path).num_row_groups > 2


def test_a_batch_is_compacted_only_with_all_its_partitions(store: Store) -> None:
    rows = table("media", media_row(2), media_row(3))
    store.commit_batch([entry_of(2), entry_of(3)], {"media": rows})
    first, second = (partition_of(video_id(n)) for n in (2, 3))
    assert first != second
    store.compact("fetch", Partitions.only(first))
    assert not (store.root / "ledger").exists()
    store.compact("fetch")
    assert ids(store) == [video_id(2), video_id(3)]
    assert not list((store.root / "units" / "fetch").iterdir())
