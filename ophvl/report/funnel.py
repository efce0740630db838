"""The funnel of a dataset folder: every line and every video is counted once, nothing vanishes.

lines = expanded + failed + folded + pending
units = emitted + dropped + failed + pending

A line is folded if it leads to no video but those that another line named first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from ophvl.dataset.ledger import WHOLE, EntryOutcome, covered
from ophvl.dataset.store import Store
from ophvl.ids import is_line_id
from ophvl.stage import Scope
from schemas.vocab import Outcome

_TRIES = 3


@dataclass(frozen=True, kw_only=True)
class LineCount:
    """Source lines by outcome; lines of a list that are not expanded yet are pending.

    `expanded` lines named a video first; `folded` ones lead only to videos that others named first.
    """

    listed: int
    expanded: int
    failed: int
    folded: int
    pending: int


@dataclass(frozen=True, kw_only=True)
class UnitCount:
    """Source videos by outcome: in the shards, dropped, failed, or still to do."""

    listed: int
    emitted: int
    dropped: int
    failed: int
    pending: int


@dataclass(frozen=True, kw_only=True)
class StageCount:
    """Source videos that reached one stage, by their outcome there."""

    stage: str
    entered: int
    emitted: int
    dropped: int
    failed: int
    pending: int


@dataclass(frozen=True, kw_only=True)
class Funnel:
    """The whole funnel. `by_kind` counts failures, `by_reason` drops, `by_warning` warnings."""

    lines: LineCount
    units: UnitCount
    stages: tuple[StageCount, ...]
    by_kind: Mapping[str, int]
    by_reason: Mapping[str, int]
    by_warning: Mapping[str, int]


class FunnelError(Exception):
    """The sums do not hold: a bug."""


def count_funnel(store: Store) -> Funnel:
    """Count every line and every video of the folder once.

    Raises:
        FunnelError: a sum does not hold in any of several tries. A running writer may add a line between two
            reads; a bug does not go away.
    """
    for _ in range(_TRIES - 1):
        try:
            return _count_once(store)
        except FunnelError:
            continue
    return _count_once(store)


def _count_once(store: Store) -> Funnel:
    before = _line_ids_in_ledger(store)
    sources = store.read("sources", ["line_id", "outcome"])
    # A run may expand lines meanwhile: the table is never older than a ledger read before it, nor newer than
    # one read after it.
    rows, after = set(sources.column("line_id").to_pylist()), _line_ids_in_ledger(store)
    if not before <= rows <= after:
        raise FunnelError(
            f"{len(before - rows)} line(s) of the ledger are not in table sources, and "
            f"{len(rows - after)} of the table not in the ledger"
        )
    failed = {
        line_id
        for line_id, outcome in zip(*(c.to_pylist() for c in sources.columns), strict=True)
        if outcome == Outcome.FAILED
    }
    videos = store.read("videos", ["video_id", "line_id"])
    first_lines = set(videos.column("line_id").to_pylist()) - failed
    listed = store.listed_lines()
    lines = LineCount(
        listed=len(listed | rows),
        expanded=len(rows & first_lines),
        failed=len(failed),
        folded=len(rows - first_lines - failed),
        pending=len(listed - rows),
    )
    units = videos.column("video_id").to_pylist()
    stages, reached = _walk(store, units)
    unit_count = UnitCount(
        listed=len(units),
        emitted=reached[EntryOutcome.EMITTED],
        dropped=reached[EntryOutcome.DROPPED],
        failed=reached[EntryOutcome.FAILED],
        pending=reached["pending"],
    )
    funnel = Funnel(
        lines=lines,
        units=unit_count,
        stages=stages,
        by_kind=_count(store, "failures", "kind"),
        by_reason=_count(store, "dropped", "reason"),
        by_warning=_count(store, "warnings", "kind"),
    )
    _check(funnel)
    return funnel


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


def _line_ids_in_ledger(store: Store) -> set[str]:
    return {
        line_id
        for spec in store.stages.values()
        if spec.scope is Scope.LINE
        for line_id in store.entries(spec.name)
        if is_line_id(line_id)
    }


def _count(store: Store, table: str, column: str) -> dict[str, int]:
    values = store.read(table, [column]).column(column).to_pylist()
    return dict(sorted(Counter(values).items()))


def _check(funnel: Funnel) -> None:
    lines, units = funnel.lines, funnel.units
    sums = (
        (lines.listed, lines.expanded + lines.failed + lines.folded + lines.pending),
        (units.listed, units.emitted + units.dropped + units.failed + units.pending),
    )
    for whole, parts in sums:
        if whole != parts:
            raise FunnelError(f"{whole} listed, but {parts} counted: {funnel}")
