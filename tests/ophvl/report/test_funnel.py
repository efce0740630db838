"""Nothing vanishes: the sums hold in every state of a folder."""

from __future__ import annotations

import pytest

from ophvl.dataset.store import Store
from ophvl.report.funnel import AccountError, LineCount, UnitCount, take_account
from ophvl.report.terminal import funnel_lines
from tests.ophvl.toy_folder import ToyFolder


def test_every_line_and_video_is_counted_once(toy: ToyFolder) -> None:
    toy.videos("a", "b", c="drop", d="fail", e="drop row")
    toy.source("two.json", ("f", "", "unnameable"), ("a", ""))
    toy.list(*(f"{x}.json" for x in "abcde"), "two.json", "a.json", "missing.json")
    toy.run()
    account = take_account(toy.store)
    assert account.lines == LineCount(listed=8, expanded=6, failed=1, folded=1, pending=0)
    assert account.units == UnitCount(listed=6, emitted=3, dropped=1, failed=2, pending=0)
    assert account.by_kind == {"empty": 1, "not_found": 1, "unreadable": 1}
    assert account.by_reason == {"not_descriptive": 1, "too_short": 1}
    stages = {
        s.stage: (s.entered, s.emitted, s.dropped, s.failed, s.pending) for s in account.stages
    }
    assert stages == {
        "fetch": (6, 4, 1, 1, 0),
        "name": (4, 3, 0, 1, 0),
        "split": (3, 3, 0, 0, 0),
        "mark": (3, 3, 0, 0, 0),
        "card": (3, 3, 0, 0, 0),
    }
    text = "\n".join(funnel_lines(account))
    assert "8 = 6 expanded + 1 failed + 1 folded + 0 pending" in text
    assert "6 = 3 emitted + 1 dropped + 2 failed + 0 pending" in text
    assert "failures  empty 1, not_found 1, unreadable 1" in text


def test_what_was_not_reached_is_pending(toy: ToyFolder) -> None:
    toy.videos("a", "b", c="drop")
    toy.run(["list"])
    assert take_account(toy.store).units == UnitCount(
        listed=3, emitted=0, dropped=0, failed=0, pending=3
    )
    toy.run(["fetch"], only=("a", "c"))
    account = take_account(toy.store)
    assert account.units == UnitCount(listed=3, emitted=0, dropped=1, failed=0, pending=2)
    assert (account.stages[0].pending, account.stages[1].pending) == (1, 1)


def test_lines_that_were_not_asked_are_pending(toy: ToyFolder) -> None:
    toy.videos("a", "b", "c")
    toy.run(["list", "fetch"], limit=1)
    found = take_account(toy.store).lines
    assert found == LineCount(listed=3, expanded=1, failed=0, folded=0, pending=2)
    toy.list("a.json", "b.json")
    toy.run(["list", "fetch"], limit=1)
    found = take_account(toy.store).lines
    assert found == LineCount(listed=2, expanded=2, failed=0, folded=0, pending=0)


def test_lines_of_a_list_that_is_gone_are_pending_no_more(toy: ToyFolder) -> None:
    toy.videos("a", "b", "c")
    toy.run(["list", "fetch"], limit=1)
    toy.list_path.unlink()
    assert take_account(toy.store).lines.pending == 0


def test_an_empty_folder_adds_up(toy: ToyFolder) -> None:
    assert take_account(toy.store).units.listed == 0


def test_a_vanished_line_is_a_bug_that_is_told(toy: ToyFolder) -> None:
    toy.videos("a", "b")
    toy.run(["list"])
    for path in (toy.root / "ledger" / "list").glob("*.jsonl"):
        header, *entries = path.read_text().splitlines()
        path.write_text("\n".join([header, *entries[1:]]) + "\n")
    with pytest.raises(AccountError, match="2 of the table not in the ledger"):
        take_account(toy.store)


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
        lines = take_account(toy.store).lines
        assert lines.listed == lines.expanded + lines.pending
