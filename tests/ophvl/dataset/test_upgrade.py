"""A folder of the version before, where rows of videos belonged to lines, is brought to this form."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ophvl.dataset import upgrade as upgrade_module
from ophvl.dataset.commit import write_result
from ophvl.dataset.ledger import Entry, EntryOutcome
from ophvl.dataset.rows import select_rows
from ophvl.dataset.segments import write_segment
from ophvl.dataset.store import Store
from ophvl.errors import UsageError
from ophvl.ids import is_line_id
from ophvl.partitions import partition_of
from ophvl.report.funnel import count_funnel
from tests.ophvl.toy_folder import ToyFolder

TABLES = ("sources", "line_videos", "videos")


def to_earlier_form(store: Store, *, form: str) -> None:
    """Write the results of stage `list` as the version before wrote them.

    Args:
        form: "compacted"; "uncompacted"; or "both": compacted, and then written again.
    """
    entries = store.entries("list")
    tables = {name: store.read(name) for name in TABLES}
    owned: defaultdict[str, list[str]] = defaultdict(list)
    for row in tables["videos"].select(["line_id", "video_id"]).to_pylist():
        owned[row["line_id"]].append(row["video_id"])
    linked: defaultdict[str, list[str]] = defaultdict(list)
    for row in tables["line_videos"].to_pylist():
        linked[row["line_id"]].append(row["video_id"])
    lines = [unit for unit in entries if is_line_id(unit)]
    folded = {line: [v for v in linked[line] if v not in owned[line]] for line in lines}
    ids = tables["sources"].column("line_id").to_pylist()
    outcomes = [
        "folded" if outcome == "expanded" and not owned[line] else outcome
        for line, outcome in zip(ids, tables["sources"].column("outcome").to_pylist(), strict=True)
    ]
    sources = (
        tables["sources"]
        .drop_columns(["outcome"])
        .append_column(pa.field("outcome", pa.string(), nullable=False), [outcomes])
        .append_column(
            pa.field("units", pa.int64(), nullable=False), [[len(owned[i]) for i in ids]]
        )
        .append_column(
            pa.field("folded_videos", pa.list_(pa.string()), nullable=False),
            [[folded[i] for i in ids]],
        )
    )
    earlier = {
        line: replace(
            entries[line],
            rows={"sources": 1, "videos": len(owned[line])},
            hashes={"videos": {v: entries[v].hashes["videos"][v] for v in owned[line]}},
        )
        for line in lines
    }
    for path in (store.root / "ledger" / "list").iterdir():
        path.unlink()
    for name in TABLES:
        for path in (store.root / "tables" / name).iterdir():
            path.unlink()
    for written in ("compacted", "uncompacted"):
        if form in (written, "both"):
            write(store.root, earlier, sources, tables["videos"], compacted=written == "compacted")


def write(
    root: Path, entries: dict[str, Entry], sources: pa.Table, videos: pa.Table, *, compacted: bool
) -> None:
    """Write lines; those of one partition share its files, or each has a result file of its own."""
    groups: defaultdict[object, list[str]] = defaultdict(list)
    for line in entries:
        groups[partition_of(line) if compacted else line].append(line)
    for group in groups.values():
        rows = {
            "sources": select_rows(sources, "line_id", group),
            "videos": select_rows(videos, "line_id", group),
        }
        (write_compacted if compacted else write_uncompacted)(
            root, [entries[line] for line in group], rows
        )


def write_uncompacted(root: Path, entries: list[Entry], rows: dict[str, pa.Table]) -> None:
    write_result(root / "units" / "list" / f"batch-{entries[0].unit}.zip", entries, rows)


def write_compacted(root: Path, entries: list[Entry], rows: dict[str, pa.Table]) -> None:
    partition = partition_of(entries[0].unit)
    files = {}
    for table, of_table in rows.items():
        if of_table.num_rows:
            files[table] = f"list-{partition:03d}-{0:08x}.parquet"
            pq.write_table(of_table, root / "tables" / table / files[table])
    segment = root / "ledger" / "list" / f"{partition:03d}.jsonl"
    write_segment(segment, files, [entry.to_json() for entry in entries])


@pytest.fixture
def earlier(toy: ToyFolder, request: pytest.FixtureRequest) -> ToyFolder:
    """A folder of the earlier form: two videos, one of them named by two lines, and a failed line."""
    toy.source("one.json", ("a", ""), ("b", ""))
    toy.source("two.json", ("b", ""))
    toy.list("one.json", "two.json", "./two.json", "missing.json")
    toy.run()
    to_earlier_form(toy.store, form=request.param)
    toy.calls()
    return toy


forms = pytest.mark.parametrize("earlier", ["compacted", "uncompacted", "both"], indirect=True)


def rows(toy: ToyFolder) -> dict[str, list[Any]]:
    return {name: toy.store.read(name).to_pylist() for name in TABLES}


@forms
def test_an_earlier_folder_is_upgraded_and_nothing_runs_again(earlier: ToyFolder) -> None:
    notes: list[str] = []
    earlier.store.upgrade(notes.append)
    (note,) = notes
    assert note.endswith(
        "brought 4 source lines to the form of this version; nothing is fetched again"
    )
    assert earlier.lines() == [
        (1, "one.json", "expanded", 2, 0),
        (2, "two.json", "folded", 0, 1),
        (3, "./two.json", "folded", 0, 1),
        (4, "missing.json", "failed", 0, 0),
    ]
    assert earlier.column("videos", "video_id") == ["a", "b"]
    funnel = count_funnel(earlier.store)
    assert (funnel.lines.listed, funnel.units.emitted) == (4, 2)
    before = rows(earlier)
    earlier.run()
    assert earlier.calls() == []
    assert rows(earlier) == before
    earlier.store.upgrade(notes.append)
    assert len(notes) == 1


@forms
def test_a_video_named_twice_outlives_its_first_line_after_an_upgrade(earlier: ToyFolder) -> None:
    earlier.store.upgrade(lambda note: None)
    earlier.source("one.json", ("a", ""))
    earlier.run()
    assert earlier.calls() == ["list one.json"]
    assert earlier.column("routes", "video_id") == ["a", "b"]
    assert [line[2:] for line in earlier.lines()[:2]] == [("expanded", 1, 0), ("expanded", 1, 0)]


@forms
@pytest.mark.parametrize("step", ["sweep_lines", "compact"])
def test_an_upgrade_that_was_interrupted_is_completed(
    earlier: ToyFolder, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(upgrade_module, step, stop)
        with pytest.raises(KeyboardInterrupt):
            earlier.store.upgrade(lambda note: None)
    earlier.store.upgrade(lambda note: None)
    assert [line[2:] for line in earlier.lines()][1] == ("folded", 0, 1)
    earlier.run()
    assert earlier.calls() == []


@pytest.mark.parametrize("earlier", ["compacted"], indirect=True)
def test_earlier_files_that_outlived_the_upgrade_are_void(
    earlier: ToyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink, removed = Path.unlink, []

    def unlink_one(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".jsonl" and removed:
            raise KeyboardInterrupt
        removed.append(path)
        unlink(path, missing_ok)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", unlink_one)
        with pytest.raises(KeyboardInterrupt):
            earlier.store.upgrade(lambda note: None)
    earlier.store.upgrade(lambda note: None)
    assert len(earlier.lines()) == 4
    earlier.run()
    assert earlier.calls() == []


@pytest.mark.parametrize("earlier", ["compacted"], indirect=True)
def test_a_folder_that_cannot_be_written_is_refused(
    earlier: ToyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(upgrade_module, "write_result", refuse)
    with pytest.raises(UsageError, match=r"made by an earlier version .* make the folder writable"):
        earlier.store.upgrade(lambda note: None)


def test_a_folder_of_this_form_is_left_alone(toy: ToyFolder) -> None:
    toy.store.upgrade(lambda note: pytest.fail(note))
    toy.videos("a")
    toy.run()
    before = {path: path.read_bytes() for path in (toy.root / "ledger").rglob("*.jsonl")}
    toy.store.upgrade(lambda note: pytest.fail(note))
    assert {path: path.read_bytes() for path in (toy.root / "ledger").rglob("*.jsonl")} == before
    (entry,) = (e for u, e in toy.entries("list").items() if is_line_id(u))
    assert entry.outcome is EntryOutcome.EMITTED
    assert json.loads(entry.to_json())["rows"] == {"line_videos": 1, "sources": 1}


def test_a_run_may_compact_its_lines_while_a_command_looks(
    toy: ToyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.videos("a")
    toy.run(["list"])
    toy.source("a.json", ("b", ""))
    read_header, calls = upgrade_module.read_header, []

    def compacted_after(segment: Path) -> Any:
        header = read_header(segment)
        calls.append(header)
        if header.get("sources") and toy.column("videos", "video_id") == ["a"]:
            toy.run(["list"])
        return header

    monkeypatch.setattr(upgrade_module, "read_header", compacted_after)
    toy.store.upgrade(lambda note: pytest.fail(note))
    names = [header["sources"] for header in calls if header.get("sources")]
    assert len(set(names)) == 2, "the first file was gone when it was to be read"
