"""Limits, jobs of an array, closed lines and forced runs: several runs or rounds on one folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from ophvl.atomic_io import PARTIAL
from ophvl.dataset.store import Store
from ophvl.errors import UsageError
from ophvl.partitions import Partitions, partition_of
from ophvl.run.bound_stage import TRIES
from ophvl.run.options import RunOptions
from ophvl.run.runner import Runner
from ophvl.run.unit_runner import UnitRunner
from ophvl.sources.source_list import read_source_list
from schemas.catalogue import TABLES
from tests.ophvl.toy_folder import ToyFolder
from tests.ophvl.toy_stages import STAGES, ToyConfig


def test_a_limit_takes_so_many_at_a_time(toy: ToyFolder) -> None:
    toy.videos("a", "b", "c", "d", "e")
    for done in (2, 4, 5):
        toy.run(["list", "fetch", "name"], limit=2)
        assert toy.counts()["name emitted"] == done == len(toy.column("videos", "video_id"))


def test_jobs_of_an_array_make_the_same_tables(toy: ToyFolder, tmp_path: Path) -> None:
    whole = ToyFolder(tmp_path / "whole")
    whole.base.mkdir()
    names = [f"v{n:02d}" for n in range(20)]
    for folder in (toy, whole):
        folder.videos(*names, x="drop", y="fail")
    whole.run()
    for share in ("2/3", "1/3", "3/3"):
        toy.run(["list", "fetch", "name"], partitions=Partitions.share(share))
    with pytest.raises(UsageError, match="run it without --parts"):
        toy.run(["split"], partitions=Partitions.share("1/3"))
    toy.run(["split"])
    for share in ("1/2", "2/2"):
        toy.run(["mark"], partitions=Partitions.share(share))
    toy.run(["card"])
    for table in ("videos", "media", "titles", "splits", "routes", "dropped"):
        left_out = {"line_id"} if table == "videos" else set()
        columns = [name for name in TABLES[table].arrow.names if name not in left_out]
        assert toy.store.read(table, columns).equals(whole.store.read(table, columns))
    toy.calls()
    toy.run()
    assert toy.calls() == []


def test_a_job_leaves_what_another_is_writing(toy: ToyFolder) -> None:
    toy.videos("a", "b", "c", "d")
    toy.run(["list", "fetch"])
    mine = Partitions.share("1/2")
    others = [unit for unit in "abcdefghij" if partition_of(unit) not in mine]
    writing = toy.root / "units" / "name" / f".{others[0]}.zip.x{PARTIAL}"
    writing.parent.mkdir(parents=True)
    writing.touch()
    own = writing.with_name(
        f".{next(u for u in 'abcdefghij' if partition_of(u) in mine)}.zip.x{PARTIAL}"
    )
    own.touch()
    toy.run(["name"], partitions=mine)
    assert writing.exists()
    assert not own.exists()


def test_a_job_that_starts_leaves_the_lines_that_another_is_writing(toy: ToyFolder) -> None:
    toy.videos("a", "b")
    toy.run(["list", "fetch"])
    (live, *_) = (toy.root / "tables" / "videos").iterdir()
    # Half-written, and written but named by no segment yet: it is in the midst of compacting.
    fresh = live.with_name(live.name[: -len("00000000.parquet")] + "00000000.parquet")
    shutil.copy(live, fresh)
    half = [
        toy.root / "units" / "list" / f".batch-line_x.zip.x{PARTIAL}",
        live.with_name(f".{fresh.name}.x{PARTIAL}"),
        toy.root / ".pace" / f".example.org.json.x{PARTIAL}",
        toy.root / "availability" / f".20260101T000000Z-x.parquet.x{PARTIAL}",
    ]
    for path in half:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    toy.run(["fetch"], partitions=Partitions.share(f"{part_of_file(live) + 1}/128"))
    assert all(path.exists() for path in [fresh, *half])
    for path in half:
        os.utime(path, (0, 0))
    toy.run(["list", "fetch"], partitions=Partitions.share("1/2"))  # It is its turn at the lines.
    assert not any(path.exists() for path in [fresh, *half])


def part_of_file(path: Path) -> int:
    return int(path.stem.split("-")[1])


def test_a_run_tries_a_video_once_however_many_lines_it_asks_between(
    toy: ToyFolder, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ophvl.run.runner._LINES_S", 1e-9)
    toy.videos("a", "b", "c", "d", x="network down")
    toy.list("x.json", "a.json", "b.json", "c.json", "d.json")
    reporter = toy.run(["list", "fetch"])
    assert len(reporter.groups) > 5
    assert toy.calls().count("fetch x") == TRIES
    toy.run(["list", "fetch"])
    assert toy.calls().count("fetch x") == TRIES


def test_what_waits_is_counted_once_and_no_more_once_it_is_done(
    toy: ToyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ophvl.run.runner._LINES_S", 1e-9)
    toy.videos("c", "d", a="https://example.org/closed", b="https://example.org/closed for long")
    toy.list("a.json", "b.json", "c.json", "d.json")
    toy.run(["list", "fetch", "name"])
    calls = toy.calls()
    assert (calls.count("fetch a"), calls.count("fetch b")) == (2, 1)
    assert set(toy.reporter.deferred) == {"b"}


def test_a_video_whose_line_another_run_expanded_meanwhile_is_left_alone(
    toy: ToyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.videos("a", "b")
    read = Store.read_unit

    def gone(self: Store, table: str, unit: str) -> pa.Table:
        rows = read(self, table, unit)
        return rows.slice(0, 0) if (table, unit) == ("videos", "a") else rows

    with monkeypatch.context() as patched:
        patched.setattr(Store, "read_unit", gone)
        toy.run(["list", "fetch", "name"])
    assert toy.outcomes("name") == {"b": "emitted"}
    toy.run(["list", "fetch", "name"])
    assert toy.outcomes("name") == {"a": "emitted", "b": "emitted"}


def test_what_a_drop_voids_is_voided_by_the_next_run_if_this_one_is_broken_off(
    toy: ToyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.videos("a", "b")
    toy.run()
    toy.source("b.json", ("b", "drop"))
    with monkeypatch.context() as broken_off:
        broken_off.setattr(UnitRunner, "_retract_after", lambda self, spec, dropped: None)
        toy.run(["list", "fetch"])
    assert toy.column("titles", "video_id") == ["a", "b"]
    toy.run(["fetch"])
    assert toy.column("titles", "video_id") == ["a"] == toy.column("routes", "video_id")


def test_what_is_forced_is_done_once_a_run(toy: ToyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    toy.videos(*"abcd")
    toy.run()
    toy.calls()
    monkeypatch.setattr("ophvl.run.runner._LINES_S", 1e-9)
    configs = {spec.name: ToyConfig(log=str(toy.log)) for spec in STAGES}
    runner = Runner(toy.store, configs, RunOptions(force=True), toy.reporter)
    for _ in range(2):  # As after a wait for a host.
        runner.run(["list", "fetch", "name", "split", "mark"], read_source_list(toy.list_path))
    calls = toy.calls()
    assert [calls.count(call) for call in ("list a.json", "fetch a", "name a", "mark a")] == [1] * 4
