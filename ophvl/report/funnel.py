"""The account of a dataset folder: nothing vanishes, every line and every video is counted once.

lines = expanded + failed + folded + pending
units = emitted + dropped + failed + pending
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from ophvl.dataset.ledger import WHOLE, EntryOutcome, covered
from ophvl.dataset.store import Store
from ophvl.stage import Scope
from schemas.vocab import Outcome

_LOOKS = 3


@dataclass(frozen=True, kw_only=True)
class LineCount:
    """Source lines by outcome; those of a list that were not asked yet are pending."""

    listed: int
    expanded: int
    failed: int
    folded: int
    pending: int


@dataclass(frozen=True, kw_only=True)
class UnitCount:
    """Source videos by what became of them: through to the shards, out, stuck, or still to do."""

    listed: int
    emitted: int
    dropped: int
    failed: int
    pending: int


@dataclass(frozen=True, kw_only=True)
class StageCount:
    """Source videos that reached one stage, and what became of them there."""

    stage: str
    entered: int
    emitted: int
    dropped: int
    failed: int
    pending: int


@dataclass(frozen=True, kw_only=True)
class Account:
    """The funnel. `by_kind` counts failures of lines and videos, `by_reason` dropped rows and videos."""

    lines: LineCount
    units: UnitCount
    stages: tuple[StageCount, ...]
    by_kind: Mapping[str, int]
    by_reason: Mapping[str, int]


class AccountError(Exception):
    """The sums do not hold: a bug."""


def take_account(store: Store) -> Account:
    """Count every line and every video of the folder, once.

    Raises:
        AccountError: a sum does not hold, however often it is looked at: a running writer may add a
            line between two looks, a bug does not go away.
    """
    for _ in range(_LOOKS - 1):
        try:
            return _take_account(store)
        except AccountError:
            continue
    return _take_account(store)


def _take_account(store: Store) -> Account:
    known = _lines_in_ledger(store)
    sources = store.read("sources", ["line_id", "outcome"])
    # Beside a run that expands lines the table is never older than a look before, never newer than one after.
    rows, added = set(sources.column("line_id").to_pylist()), _lines_in_ledger(store)
    if not known <= rows <= added:
        raise AccountError(
            f"{len(known - rows)} line(s) of the ledger are not in table sources, and "
            f"{len(rows - added)} of the table not in the ledger"
        )
    outcomes = Counter(sources.column("outcome").to_pylist())
    listed = store.listed_lines()
    lines = LineCount(
        listed=len(listed | rows),
        expanded=outcomes[Outcome.EXPANDED],
        failed=outcomes[Outcome.FAILED],
        folded=outcomes[Outcome.FOLDED],
        pending=len(listed - rows),
    )
    units = store.read("videos", ["video_id"]).column("video_id").to_pylist()
    stages, reached = _walk(store, units)
    counted = UnitCount(
        listed=len(units),
        emitted=reached[EntryOutcome.EMITTED],
        dropped=reached[EntryOutcome.DROPPED],
        failed=reached[EntryOutcome.FAILED],
        pending=reached["pending"],
    )
    account = Account(
        lines=lines,
        units=counted,
        stages=stages,
        by_kind=_count(store, "failures", "kind"),
        by_reason=_count(store, "dropped", "reason"),
    )
    _check(account)
    return account


def _walk(store: Store, units: list[str]) -> tuple[tuple[StageCount, ...], Counter[str]]:
    """Follow all videos through the stages; return the count of each stage and of the ends."""
    remaining = set(units)
    ends: Counter[str] = Counter()
    counts = []
    for spec in store.stages.values():
        if spec.scope is Scope.LINE:
            continue
        entries = store.entries(spec.name)
        corpus = covered(entries)
        here: Counter[str] = Counter()
        passed = set()
        for unit in remaining:
            by_unit = spec.scope is Scope.UNIT or unit not in corpus
            entry = entries.get(unit if by_unit else WHOLE)
            state = str(entry.outcome) if entry else "pending"
            here[state] += 1
            if state == EntryOutcome.EMITTED:
                passed.add(unit)
            else:
                ends[state] += 1
        counts.append(
            StageCount(
                stage=spec.name,
                entered=len(remaining),
                emitted=here[EntryOutcome.EMITTED],
                dropped=here[EntryOutcome.DROPPED],
                failed=here[EntryOutcome.FAILED],
                pending=here["pending"],
            )
        )
        remaining = passed
    ends[EntryOutcome.EMITTED] = len(remaining)
    return tuple(counts), ends


def _lines_in_ledger(store: Store) -> set[str]:
    return {
        line_id
        for spec in store.stages.values()
        if spec.scope is Scope.LINE
        for line_id in store.entries(spec.name)
    }


def _count(store: Store, table: str, column: str) -> dict[str, int]:
    values = store.read(table, [column]).column(column).to_pylist()
    return dict(sorted(Counter(values).items()))


def _check(account: Account) -> None:
    lines, units = account.lines, account.units
    sums = (
        (lines.listed, lines.expanded + lines.failed + lines.folded + lines.pending),
        (units.listed, units.emitted + units.dropped + units.failed + units.pending),
    )
    for whole, parts in sums:
        if whole != parts:
            raise AccountError(f"{whole} listed, but {parts} accounted for: {account}")
