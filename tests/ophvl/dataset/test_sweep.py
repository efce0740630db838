"""What a crash left is removed; what other processes may be writing stays."""

from __future__ import annotations

import os
import shutil

from ophvl.dataset.store import Store
from ophvl.partitions import Partitions, partition_of
from tests.factories import video_id
from tests.ophvl.dataset.results import put


def test_a_crash_before_the_segment_leaves_files_that_are_swept(store: Store) -> None:
    put(store, 1)
    store.compact("fetch")
    before = store.read("media")
    tables = store.root / "tables" / "media"
    (live,) = tables.iterdir()
    stray = tables / f"fetch-{partition_of(video_id(1)):03d}-00000000.parquet"
    shutil.copy(live, stray)
    half = tables / ".fetch-001.parquet.x.partial"
    half.write_bytes(b"PAR1")
    folder = store.root / ".shards.x.partial"
    folder.mkdir()
    (folder / "train-00000.parquet").write_bytes(b"PAR1")
    assert store.read("media").equals(before)  # What no segment names is never read.
    store.sweep()
    assert list(tables.iterdir()) == [live]
    assert not folder.exists()
    assert store.read("media").equals(before)


def test_a_job_of_an_array_sweeps_its_partitions_alone(store: Store) -> None:
    unit, partition = video_id(1), partition_of(video_id(1))
    names = (
        f"media/.{unit}.proxy.mp4.x1y2.partial",
        f"units/fetch/.{unit}.zip.x1y2.partial",
        f"ledger/fetch/.{partition:03d}.jsonl.x1y2.partial",
        f"tables/media/.fetch-{partition:03d}-01234567.parquet.x1y2.partial",
    )
    half = [store.root / name for name in names]
    for path in half:
        path.parent.mkdir(parents=True)
        path.touch()
    shares = [Partitions.share(f"{k}/2") for k in (1, 2)]
    ours, theirs = shares if partition in shares[0] else shares[::-1]
    store.sweep(theirs)
    assert all(path.exists() for path in half)
    store.sweep(ours)
    assert not any(path.exists() for path in half)


def test_a_partial_file_of_an_unlocked_folder_is_removed_once_it_is_old(store: Store) -> None:
    partial = store.root / ".pace" / ".example.org.json.x.partial"
    partial.parent.mkdir(parents=True)
    partial.touch()
    store.sweep()
    assert partial.exists()
    os.utime(partial, (0, 0))
    store.sweep()
    assert not partial.exists()
