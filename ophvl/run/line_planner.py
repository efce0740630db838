"""Decide which lines of a source list are to be expanded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ophvl.dataset.ledger import Entry, EntryOutcome, fingerprint
from ophvl.dataset.store import Store
from ophvl.partitions import ALL_PARTITIONS, Partitions, partition_of
from ophvl.run.bound_stage import BoundStage
from ophvl.run.line_state import KnownLines
from ophvl.stage import SourceLine
from schemas.vocab import RETRIED, FailureKind


def pending_lines(
    store: Store,
    stage: BoundStage,
    lines: Sequence[SourceLine],
    *,
    partitions: Partitions = ALL_PARTITIONS,
    force: bool = False,
) -> set[str]:
    """Return the lines that a run of `stage` would expand; writes nothing."""
    planner = LinePlanner(partitions=partitions, forced=set() if force else None)
    return planner.pending(stage, lines, KnownLines.read(store, stage.spec))


@dataclass(frozen=True, kw_only=True)
class LinePlanner:
    """Plans the lines of one run, which may plan several times."""

    partitions: Partitions = ALL_PARTITIONS
    """Lines that were expanded before are tried again only in these partitions."""
    retry: frozenset[FailureKind] = frozenset()
    """Failures of these kinds are tried again, besides those that always are."""
    forced: set[tuple[str, str]] | None = None
    """The stage and line of what `force` has run again already; None without `force`."""

    def pending(
        self, stage: BoundStage, lines: Sequence[SourceLine], known: KnownLines
    ) -> set[str]:
        """Return the lines that are new or changed, repeat one that is gone, or are to be tried again."""
        pending: set[str] = set()
        first_ids = first_lines(lines)
        for line in lines:
            first_id = first_ids[line.target]
            # A line that repeats a failed one has videos once that has some, or is off the list.
            can_have_videos = (
                first_id == line.line_id or first_id in pending or known.video_ids[first_id]
            )
            entry = known.entries.get(line.line_id)
            if (
                entry is None
                or entry.fingerprint != line_fingerprint(stage, line)
                or (can_have_videos and known.leads_nowhere(line.line_id))
                # The jobs of an array share these lines: each expands those of its partitions.
                or (
                    partition_of(line.line_id) in self.partitions
                    and (self._is_forced(stage, line) or self._is_tried_again(line, entry))
                )
            ):
                pending.add(line.line_id)
        return pending

    def _is_forced(self, stage: BoundStage, line: SourceLine) -> bool:
        return self.forced is not None and (stage.spec.name, line.line_id) not in self.forced

    def _is_tried_again(self, line: SourceLine, entry: Entry) -> bool:
        """Tell whether a failure may have gone away.

        A local file that was not found is not looked for again: its stamp changes once it exists.
        """
        if entry.outcome is not EntryOutcome.FAILED:
            return False
        is_local = not line.is_url and entry.kind is not FailureKind.NOT_FOUND
        return is_local or entry.kind in self.retry | RETRIED


def line_fingerprint(stage: BoundStage, line: SourceLine) -> str:
    """Return the fingerprint of a line.

    Ports do not count: a new synonym must not request 44,290 URLs again.
    """
    return fingerprint(stage.spec, stage.config, {}, [line.target, line.stamp, line.text])


def first_lines(lines: Sequence[SourceLine]) -> dict[str, str]:
    """Map each target to the first line that names it: later ones repeat it."""
    return {line.target: line.line_id for line in reversed(lines)}
