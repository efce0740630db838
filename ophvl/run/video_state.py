"""Look up in the ledger which source videos are ready for a stage, unfinished or failed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from ophvl.dataset.ledger import EntryOutcome, covered
from ophvl.dataset.store import Store
from ophvl.download.rate_limiter import closed_hosts, host_of
from ophvl.partitions import Partitions, partition_of
from ophvl.sources.source_list import is_url, source_line
from ophvl.stage import Scope, SourceLine, StageSpec
from schemas.vocab import FailureKind


def ready_videos(store: Store, spec: StageSpec) -> dict[str, str]:
    """Return the videos that all stages before `spec` have passed on, in list order, with their locations."""
    columns = ["video_id", "line_id", "location"]
    videos = store.read("videos", columns).to_pydict()
    numbers = store.read("sources", ["line_id", "list_path", "line_number"])
    positions = {
        line: (path, number)
        for line, path, number in zip(*(c.to_pylist() for c in numbers.columns), strict=True)
    }
    lines = dict(zip(videos["video_id"], videos["line_id"], strict=True))
    locations = dict(zip(videos["video_id"], videos["location"], strict=True))
    passed = set(lines)
    for earlier in stages_before(store, spec):
        if earlier.scope is Scope.UNIT:
            entries = store.entries(earlier.name)
            passed &= {u for u, e in entries.items() if e.outcome is EntryOutcome.EMITTED}
        elif earlier.scope is Scope.CORPUS:
            passed &= covered(store.entries(earlier.name))
    order = sorted(passed, key=lambda unit: (positions[lines[unit]], unit))
    return {unit: locations[unit] for unit in order}


def all_stopped_before(store: Store, spec: StageSpec) -> bool:
    """Tell whether every video was dropped or failed before `spec`, so that none can become ready."""
    stopped = {
        unit
        for earlier in stages_before(store, spec)
        if earlier.scope is Scope.UNIT
        for unit, entry in store.entries(earlier.name).items()
        if entry.outcome is not EntryOutcome.EMITTED
    }
    listed = store.read("videos", ["video_id"]).column("video_id").to_pylist()
    return bool(listed) and stopped.issuperset(listed)


def stages_before(store: Store, spec: StageSpec) -> list[StageSpec]:
    """Return the stages before `spec`, in their order."""
    stages = list(store.stages.values())
    return stages[: stages.index(spec)]


def unfinished_videos(store: Store, names: Sequence[str], partitions: Partitions) -> set[str]:
    """Return the videos of `partitions` that the stages `names` have still to process.

    Videos of closed hosts do not count.
    """
    is_closed = closed_host_check(store.root)
    videos = store.read("videos", ["video_id", "location"])
    unfinished = {
        video
        for video, location in zip(*(c.to_pylist() for c in videos.columns), strict=True)
        if partition_of(video) in partitions and not is_closed(location)
    }
    for name in names:
        last = name == names[-1]
        for unit, entry in store.entries(name).items():
            if last or entry.outcome is not EntryOutcome.EMITTED:
                unfinished.discard(unit)
    return unfinished


def failed_units(store: Store, stage: str, kinds: Collection[FailureKind]) -> set[str]:
    """Return the units that failed at `stage` for one of these reasons."""
    return {
        unit
        for unit, entry in store.entries(stage).items()
        if entry.outcome is EntryOutcome.FAILED and entry.kind in kinds
    }


def failed_lines(store: Store, stage: str, kinds: Collection[FailureKind]) -> list[SourceLine]:
    """Return the lines that failed at the line stage for one of these reasons, as recorded."""
    failed = failed_units(store, stage, kinds)
    columns = ["line_id", "list_path", "line_number", "text"]
    return [
        source_line(row["line_id"], Path(row["list_path"]), row["line_number"], row["text"])
        for row in store.read("sources", columns).to_pylist()
        if row["line_id"] in failed
    ]


def new_videos(store: Store, stage: str, lines: Sequence[SourceLine]) -> set[str]:
    """Return the videos of these lines that `stage` has no entry for."""
    rows = store.read("line_videos", ["line_id", "video_id"])
    line_ids = {line.line_id for line in lines}
    known = store.entries(stage)
    return {
        video
        for line_id, video in zip(*(c.to_pylist() for c in rows.columns), strict=True)
        if line_id in line_ids and video not in known
    }


def closed_host_check(root: Path) -> Callable[[str], bool]:
    """Return a function that tells whether a location is on a host that accepts no requests for now."""
    closed = {state.host for state in closed_hosts(root)}
    return lambda location: is_url(location) and host_of(location) in closed
