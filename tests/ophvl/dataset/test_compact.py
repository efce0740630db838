"""Compaction keeps the rows, whatever instant it is interrupted at."""

from __future__ import annotations

import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ophvl.dataset.store import Store
from tests.factories import frame_row, table
from tests.ophvl.dataset.results import STAGES, entry_of, put


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
