"""Nothing vanishes: the sums hold in every state of a folder."""

from __future__ import annotations

import pytest

from ophvl.dataset.store import Store
from ophvl.report.funnel import FunnelError, LineCount, UnitCount, count_funnel
from ophvl.report.terminal import funnel_lines
from tests.ophvl.toy_folder import ToyFolder


def test_every_line_and_video_is_counted_once(toy: ToyFolder) -> None:
    toy.videos("a", b="warn", c="drop", d="fail", e="drop row")
    toy.source("two.json", ("f", "", "unnameable"), ("a", ""))
    toy.list(*(f"{x}.json" for x in "abcde"), "two.json", "a.json", "missing.json")
    toy.run()
    funnel = count_funnel(toy.store)
    assert funnel.lines == LineCount(listed=8, expanded=6, failed=1, folded=1, pending=0)
    assert funnel.units == UnitCount(listed=6, emitted=3, dropped=1, failed=2, pending=0)
    assert funnel.by_kind == {"empty": 1, "not_found": 1, "unreadable": 1}
    assert funnel.by_reason == {"not_descriptive": 1, "too_short": 1}
    assert funnel.by_warning == {"cut_short": 1}
    stages = {
        s.stage: (s.entered, s.emitted, s.dropped, s.failed, s.pending) for s in funnel.stages
    }
    assert stages == {
        "fetch": (6, 4, 1, 1, 0),
        "name": (4, 3, 0, 1, 0),
        "split": (3, 3, 0, 0, 0),
        "mark": (3, 3, 0, 0, 0),
        "card": (3, 3, 0, 0, 0),
    }
    text = "\n".join(funnel_lines(funnel))
    assert "8 = 6 expanded + 1 failed + 1 folded + 0 pending" in text
    assert "6 = 3 emitted + 1 dropped + 2 failed + 0 pending" in text
    assert "failures  empty 1, not_found 1, unreadable 1" in text
    assert "warnings  cut_short 1" in text


def test_what_was_not_reached_is_pending(toy: ToyFolder) -> None:
    toy.videos("a", "b", c="drop")
    toy.run(["list"])
    assert count_funnel(toy.store).units == UnitCount(
        listed=3, emitted=0, dropped=0, failed=0, pending=3
    )
    toy.run(["fetch"], only=("a", "c"))
    funnel = count_funnel(toy.store)
    assert funnel.units == UnitCount(listed=3, emitted=0, dropped=1, failed=0, pending=2)
    assert (funnel.stages[0].pending, funnel.stages[1].pending) == (1, 1)


def test_lines_that_are_not_expanded_are_pending(toy: ToyFolder) -> None:
    toy.videos("a", "b", "c")
    toy.run(["list", "fetch"], limit=1)
    lines = count_funnel(toy.store).lines
    assert lines == LineCount(listed=3, expanded=1, failed=0, folded=0, pending=2)
    toy.list("a.json", "b.json")
    toy.run(["list", "fetch"], limit=1)
    lines = count_funnel(toy.store).lines
    assert lines == LineCount(listed=2, expanded=2, failed=0, folded=0, pending=0)


def test_lines_of_a_list_that_is_gone_are_pending_no_more(toy: ToyFolder) -> None:
    toy.videos("a", "b", "c")
    toy.run(["list", "fetch"], limit=1)
    toy.list_path.unlink()
    assert count_funnel(toy.store).lines.pending == 0


def test_an_empty_folder_adds_up(toy: ToyFolder) -> None:
    assert count_funnel(toy.store).units.listed == 0


def test_a_vanished_line_raises(toy: ToyFolder) -> None:
    toy.videos("a", "b")
    toy.run(["list"])
    for path in (toy.root / "ledger" / "list").glob("*.jsonl"):
        header, *_ = path.read_text().splitlines()
        path.write_text(header + "\n")
    with pytest.raises(FunnelError, match="2 of the table not in the ledger"):
        count_funnel(toy.store)


def test_beside_a_run_that_expands_lines_all_adds_up(
    toy: ToyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run adds a line after each look at table or ledger."""
    names = [f"v{n}" for n in range(40)]
    toy.videos(*names)
    listed = iter(range(1, len(names)))
    read = Store.read

    def beside(self: Store, table: str, *arguments: object) -> object:
        rows = read(self, table, *arguments)
        if table in ("sources", "videos"):
            with monkeypatch.context() as alone:
                alone.setattr(Store, "read", read)
                toy.list(*(f"{name}.json" for name in names[: next(listed)]))
                toy.run(["list"])
        return rows

    monkeypatch.setattr(Store, "read", beside)
    for _ in range(5):
        lines = count_funnel(toy.store).lines
        assert lines.listed == lines.expanded + lines.pending
