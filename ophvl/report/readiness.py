"""Check before the first stage of a rebuild that its inputs exist, not hours later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Protocol

from ophvl.dataset.blocked import blocked_videos
from ophvl.dataset.ledger import EntryOutcome
from ophvl.dataset.store import Store
from ophvl.errors import UsageError
from ophvl.partitions import ALL_PARTITIONS, Partitions, partition_of
from ophvl.report.failures import read_failures
from ophvl.sources.blocklists import BlockLists
from ophvl.stage import Scope
from schemas.vocab import MediaForm


class FrameSettings(Protocol):
    """Settings of stage frames that decide whether frames must be decoded again."""

    @property
    def short_side(self) -> int:
        """Return the short side of a frame in pixels."""
        ...

    @property
    def quality(self) -> int:
        """Return the JPEG quality."""
        ...


def require_videos(store: Store) -> None:
    """Check that the lines of the folder led to videos at all.

    Raises:
        UsageError: they did not; the message says why.
    """
    if store.read("videos", ["video_id"]).num_rows:
        return
    lines = store.read("sources", ["line_id"]).num_rows
    kinds = Counter(failure.kind for failure in read_failures(store))
    why = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
    raise UsageError(
        f"none of the {lines} source line(s) led to a video ({why or 'none is expanded yet'}); correct the "
        "list and run `ophvl ingest --source` again, or try those of one kind again with `ophvl retry "
        "--kind KIND`"
    )


def require_pictures(
    store: Store,
    stages: Sequence[str],
    settings: FrameSettings,
    *,
    only: Collection[str] = (),
    parts: Partitions = ALL_PARTITIONS,
) -> None:
    """Check that each video that `stages` may make pairs of has pictures.

    Args:
        settings: frames that were decoded with the same settings need not be decoded again.
        only: just these videos; none for all.
        parts: just the videos of these partitions.

    Raises:
        UsageError: of some videos only the sound was kept.
    """
    retained = [
        row
        for row in store.read("kept", ["video_id", "form"], only or None).to_pylist()
        if partition_of(row["video_id"]) in parts
    ]
    audio_only = {row["video_id"] for row in retained if row["form"] == MediaForm.AUDIO}
    if not audio_only:
        return
    decoded = store.read("frames", ["video_id", "short_side", "quality"], audio_only).to_pylist()
    audio_only -= {
        row["video_id"]
        for row in decoded
        if (row["short_side"], row["quality"]) == (settings.short_side, settings.quality)
    }
    audio_only -= _stopped(store, stages) | blocked_videos(
        store, BlockLists(store.root), audio_only
    )
    if audio_only:
        raise UsageError(
            f"of {len(audio_only)} of {len(retained)} video(s) only the sound was kept (--keep-media "
            f"audio), e.g. {min(audio_only)}, so there are no pictures to make pairs of; fetch them again "
            "into another folder and keep proxies there (--keep-media proxy), or leave them out (block.txt)"
        )


def _stopped(store: Store, stages: Sequence[str]) -> set[str]:
    """Return the videos that an earlier run of these stages did not pass on."""
    return {
        unit
        for name in stages
        if store.stages[name].scope is Scope.UNIT
        for unit, entry in store.entries(name).items()
        if entry.outcome is not EntryOutcome.EMITTED
    }
