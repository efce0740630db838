"""What a rebuild will lack: told before its first stage, not hours later by the one that needs it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Protocol

from ophvl.dataset.blocked import kept_out
from ophvl.dataset.ledger import EntryOutcome
from ophvl.dataset.store import Store
from ophvl.errors import UsageError
from ophvl.partitions import ALL_PARTS, Parts, part_of
from ophvl.report.failures import read_failures
from ophvl.sources.blocklists import BlockLists
from ophvl.stage import Scope
from schemas.vocab import MediaForm


class Pictures(Protocol):
    """What counts of the config of stage frames."""

    @property
    def short_side(self) -> int: ...

    @property
    def quality(self) -> int: ...


def require_videos(store: Store) -> None:
    """Check that the lines of the folder led to videos at all.

    Raises:
        UsageError: they did not; says why.
    """
    if store.read("videos", ["video_id"]).num_rows:
        return
    lines = store.read("sources", ["line_id"]).num_rows
    kinds = Counter(one.kind for one in read_failures(store))
    why = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
    raise UsageError(
        f"none of the {lines} source line(s) led to a video ({why or 'none was asked yet'}); mend the "
        "list and run `ophvl ingest --source` again, or try those of one kind again with `ophvl retry "
        "--kind KIND`"
    )


def require_pictures(
    store: Store,
    stages: Sequence[str],
    pictures: Pictures,
    *,
    only: Collection[str] = (),
    parts: Parts = ALL_PARTS,
) -> None:
    """Check that there is something to look at of each video that `stages` may make pairs of.

    Args:
        pictures: what was decoded likewise before need not be decoded again.
        only: just these videos; none for all.
        parts: just the videos of a share.

    Raises:
        UsageError: of some the sound alone was kept.
    """
    kept = [
        row
        for row in store.read("kept", ["video_id", "form"], only or None).to_pylist()
        if part_of(row["video_id"]) in parts
    ]
    heard = {row["video_id"] for row in kept if row["form"] == MediaForm.AUDIO}
    if not heard:
        return
    decoded = store.read("frames", ["video_id", "short_side", "quality"], heard).to_pylist()
    heard -= {
        row["video_id"]
        for row in decoded
        if (row["short_side"], row["quality"]) == (pictures.short_side, pictures.quality)
    }
    heard -= _stopped(store, stages) | kept_out(store, BlockLists(store.root), heard)
    if heard:
        raise UsageError(
            f"of {len(heard)} of {len(kept)} video(s) only the sound was kept (--keep-media "
            f"audio), e.g. {min(heard)}, so there are no pictures to make pairs of; fetch them again into "
            "another folder and keep proxies there (--keep-media proxy), or leave them out (block.txt)"
        )


def _stopped(store: Store, stages: Sequence[str]) -> set[str]:
    """The videos that an earlier run of these stages did not pass on."""
    return {
        unit
        for name in stages
        if store.stages[name].scope is Scope.UNIT
        for unit, entry in store.entries(name).items()
        if entry.outcome is not EntryOutcome.EMITTED
    }
