"""The dataset folder: what was committed is read, through every crash, and only what is asked for."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ophvl.dataset.ledger import Entry, EntryOutcome
from ophvl.dataset.store import Store
from ophvl.errors import SchemaError, UsageError
from ophvl.partitions import Parts, part_of
from ophvl.stage import Scope, StageSpec
from tests.factories import dropped_row, frame_row, media_row, table, title_row, video_id
from tests.ophvl.toy_folder import ToyFolder
from tests.ophvl.toy_stages import ToyConfig, fetch

STAGES = (
    StageSpec(
        name="fetch",
        version=1,
        scope=Scope.UNIT,
        run=fetch,
        settings=ToyConfig,
        help="",
        writes=("media", "titles"),
    ),
    StageSpec(
        name="frames",
        version=1,
        scope=Scope.UNIT,
        run=fetch,
        settings=ToyConfig,
        help="",
        writes=("frames",),
    ),
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "out", STAGES)


def put(store: Store, n: int, *, at: str = "2026-01-01T00:00:00+00:00", **changes: object) -> None:
    """Commit media and title of video `n`."""
    entry = Entry(
        stage="fetch",
        unit=video_id(n),
        fingerprint="f",
        outcome=EntryOutcome.EMITTED,
        at=at,
    )
    tables = {"media": table("media", media_row(n, **changes)), "titles": table("titles")}
    store.commit(entry, {**tables, "titles": table("titles", title_row(n))})


def void(store: Store, n: int) -> None:
    at = "2026-01-01T00:00:00+00:00"
    unit = video_id(n)
    store.commit(
        Entry(stage="fetch", unit=unit, fingerprint="", outcome=EntryOutcome.RETRACTED, at=at), {}
    )


def ids(store: Store, *arguments: object) -> list[str]:
    read: list[str] = store.read("media", *arguments).column("video_id").to_pylist()  # type: ignore[arg-type]
    return read


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


def test_columns_and_video_ids(store: Store) -> None:
    for n in range(6):
        put(store, n)
        if n == 3:
            store.compact("fetch")
    wanted = [video_id(1), video_id(5), "nobody"]
    rows = store.read("media", ["bytes", "duration_s"], wanted)
    assert rows.column_names == ["bytes", "duration_s"]
    assert rows.to_pylist() == [
        {"bytes": 1001, "duration_s": 60.0},
        {"bytes": 1005, "duration_s": 60.0},
    ]
    assert ids(store, ["video_id"], iter(wanted)) == wanted[:2]  # An iterator is read but once.
    assert ids(store, None, []) == []
    assert store.read_unit("media", video_id(2)).num_rows == 1


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


def test_a_newer_result_takes_the_place_of_the_older(store: Store) -> None:
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
    void(store, 1)
    for _ in range(2):
        assert ids(store) == [video_id(2)]
        assert set(store.entries("fetch")) == {video_id(2)}
        store.compact("fetch")
    assert len(list((store.root / "tables" / "media").iterdir())) == 1


def test_a_crash_after_the_segment_leaves_the_same_rows(store: Store) -> None:
    """The segment was renamed into place, but its unit files were not removed yet."""
    put(store, 1)
    kept = store.root.parent / "kept"
    shutil.copytree(store.root / "units", kept)
    before = store.read("media")
    store.compact("fetch")
    shutil.copytree(kept, store.root / "units", dirs_exist_ok=True)
    again = Store(store.root, STAGES)
    assert again.read("media").equals(before)
    again.sweep()
    again.compact("fetch")
    assert again.read("media").equals(before)
    assert len(list((store.root / "tables" / "media").iterdir())) == 1


def test_a_crash_before_the_segment_leaves_files_that_are_swept(store: Store) -> None:
    put(store, 1)
    store.compact("fetch")
    before = store.read("media")
    tables = store.root / "tables" / "media"
    (live,) = tables.iterdir()
    stray = tables / f"fetch-{part_of(video_id(1)):03d}-00000000.parquet"
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


def test_a_job_of_an_array_sweeps_what_is_of_its_parts_alone(store: Store) -> None:
    unit, part = video_id(1), part_of(video_id(1))
    names = (
        f"media/.{unit}.proxy.mp4.x1y2.partial",
        f"units/fetch/.{unit}.zip.x1y2.partial",
        f"ledger/fetch/.{part:03d}.jsonl.x1y2.partial",
        f"tables/media/.fetch-{part:03d}-01234567.parquet.x1y2.partial",
    )
    half = [store.root / name for name in names]
    for path in half:
        path.parent.mkdir(parents=True)
        path.touch()
    shares = [Parts.share(f"{k}/2") for k in (1, 2)]
    ours, theirs = shares if part in shares[0] else shares[::-1]
    store.sweep(theirs)
    assert all(path.exists() for path in half)
    store.sweep(ours)
    assert not any(path.exists() for path in half)


def test_a_commit_that_breaks_off_is_no_commit(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, 1)

    def broken(table: pa.Table) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ophvl.dataset.store._to_ipc", broken)
    with pytest.raises(OSError, match="No space"):
        put(store, 1, bytes=7)
    assert store.read("media").column("bytes").to_pylist() == [1001]
    assert len(list((store.root / "units" / "fetch").iterdir())) == 1


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
        entry = Entry(
            stage="fetch", unit="a", fingerprint="f", outcome=EntryOutcome.EMITTED, at="now"
        )
        rows = table("media", media_row(1)).replace_schema_metadata(older)
        store.commit(entry, {"media": rows})
    with pytest.raises(SchemaError, match=r"schema of 'media'; go on with") as caught:
        store.read("media", ["video_id"])
    assert [v.rule for v in caught.value.violations] == ["wrong version"]


def test_dropped_rows_of_all_stages_are_one_table(store: Store) -> None:
    for n, stage in ((1, "fetch"), (1, "frames"), (2, "fetch")):
        entry = Entry(
            stage=stage,
            unit=video_id(n),
            fingerprint="f",
            outcome=EntryOutcome.EMITTED,
            at="2026-01-01T00:00:00+00:00",
        )
        store.commit(entry, {"dropped": table("dropped", dropped_row(n, stage=stage))})
        store.compact(stage)
    keys = store.read("dropped", ["stage", "unit"]).to_pylist()
    assert [tuple(k.values()) for k in keys] == [
        ("fetch", video_id(1)),
        ("fetch", video_id(2)),
        ("frames", video_id(1)),
    ]


def test_one_column_of_frames_does_not_load_the_pictures(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = video_id(1)
    entry = Entry(stage="frames", unit=unit, fingerprint="f", outcome=EntryOutcome.EMITTED, at="x")
    picture = bytes(2**20)
    rows = [frame_row(1, time_s=float(t), jpeg=picture) for t in range(20)]
    store.commit(entry, {"frames": table("frames", *rows)})
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


def test_a_part_is_for_ever() -> None:
    assert [part_of(video_id(n)) for n in range(4)] == [99, 99, 56, 62]


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


def test_a_reader_looks_again_when_lines_were_compacted_meanwhile(
    toy: ToyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.videos("a", "b")
    toy.run(["list"])
    pieces, rows = Store._pieces, Store._segment_rows
    looks: list[int] = []

    def look(self: Store, *arguments: Any) -> Any:
        looks.append(len(looks))
        return pieces(self, *arguments)

    def compacted_once(self: Store, *arguments: Any) -> Any:
        if len(looks) == 1:
            for path in (toy.root / "ledger" / "list").glob("*.jsonl"):
                os.utime(path, ns=(1, 1))
        return rows(self, *arguments)

    monkeypatch.setattr(Store, "_pieces", look)
    monkeypatch.setattr(Store, "_segment_rows", compacted_once)
    assert toy.column("videos", "video_id") == ["a", "b"]
    assert len(looks) == 2
