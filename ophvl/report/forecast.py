"""Forecast what an ingest would do, without any request: requests, hours at the rate limits, disk space."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from ophvl.dataset.blocked import blocked_videos
from ophvl.dataset.ledger import EntryOutcome
from ophvl.dataset.store import Store
from ophvl.download.rate_limiter import closed_hosts, host_of, is_local
from ophvl.media.folder import BYTES_A_SECOND, MediaFolder
from ophvl.partitions import ALL_PARTITIONS, Partitions, partition_of
from ophvl.report.terminal import in_words, printable
from ophvl.run.bound_stage import BoundStage
from ophvl.run.line_planner import pending_lines
from ophvl.run.unit_worker import UnitTask, UnitWorker, WorkerSetup
from ophvl.sources.blocklists import BlockLists
from ophvl.sources.source_list import is_url
from ophvl.stage import SourceLine
from schemas.vocab import Surgical

if TYPE_CHECKING:
    from ophvl.config import Settings

_MEAN_DURATION_S = 770.0
"""Mean length of a video of the OphVL paper (9,363 h in 44,290): for videos whose length is not known."""

_MAX_SHOWN = 5


class RequestSettings(Protocol):
    """Settings of stage download that the forecast depends on."""

    @property
    def gap_s(self) -> float:
        """Return the seconds between two requests to a host."""
        ...

    @property
    def per_hour(self) -> int:
        """Return the most requests an hour to a host."""
        ...

    @property
    def assume_surgical(self) -> bool:
        """Tell whether videos count as surgical whatever their title says."""
        ...


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What an ingest would do.

    `hours` is what the slowest host takes at its rate limit, and until it opens if it is closed. A line
    that is not expanded yet counts as one video of mean length with two requests (its metadata, then
    itself).
    """

    new_lines: int
    lines_again: int
    remote_lines: int
    videos: int
    remote_videos: int
    not_surgical: int
    blocked: int
    video_hours: float
    by_host: Mapping[str, int]
    hours: float
    bytes: float
    assumed: bool
    """Whether the size of a second of video is assumed: no media lies in the folder yet."""
    examples: tuple[str, ...]


def forecast(
    store: Store,
    lines: Sequence[SourceLine],
    configs: Mapping[str, Settings],
    *,
    lists: BlockLists,
    parts: Partitions = ALL_PARTITIONS,
    limit: int | None = None,
    force: bool = False,
) -> Forecast:
    """Forecast an ingest from the list and the ledger.

    Args:
        configs: the config of every stage by name.
        lists: block lists of the user.
        parts: the partitions of a job; lines are expanded by whichever job comes first.
        limit: number of videos to process; those known already come first.
        force: count as if nothing were done yet; what was fetched is still there.
    """
    settings = cast(RequestSettings, configs["download"])
    discover = BoundStage(
        spec=store.stages["discover"], config=configs["discover"], folder=store.root
    )
    pending_ids = pending_lines(store, discover, lines, partitions=parts, force=force)
    known = store.entries("discover")
    pending = _pending_videos(store, configs, parts, force)
    blocked = blocked_videos(store, lists)
    admitted = [row for row in pending if row["video_id"] not in blocked]
    selected = [
        row for row in admitted if row["is_surgical"] != Surgical.NO or settings.assume_surgical
    ]
    not_surgical = len(admitted) - len(selected)
    selected = sorted(selected, key=lambda row: row["has_failed"])[:limit]
    remaining = None if limit is None else limit - len(selected)
    by_target = {line.target: line for line in reversed(lines) if line.line_id in pending_ids}
    due_lines = list(reversed(by_target.values()))[:remaining]
    remote = [row for row in selected if is_url(row["location"]) and not row["is_local"]]
    requests = Counter(host_of(row["location"]) for row in remote)
    for line in due_lines:
        if line.is_url:
            requests[host_of(line.text)] += 2
    remote_lines = sum(line.is_url for line in due_lines)
    seconds = (
        sum(row["listed_duration_s"] or _MEAN_DURATION_S for row in remote)
        + _MEAN_DURATION_S * remote_lines
    )
    bytes_per_s, assumed = _bytes_per_s(store)
    return Forecast(
        new_lines=sum(line.line_id not in known for line in due_lines),
        lines_again=sum(line.line_id in known for line in due_lines),
        remote_lines=remote_lines,
        videos=len(selected),
        remote_videos=len(remote),
        not_surgical=not_surgical,
        blocked=len(pending) - len(admitted),
        video_hours=seconds / 3600,
        by_host=dict(requests.most_common()),
        hours=_hours(store.root, requests, settings),
        bytes=seconds * bytes_per_s,
        assumed=assumed,
        examples=tuple(row["title"] for row in remote[:_MAX_SHOWN]),
    )


def _pending_videos(
    store: Store, configs: Mapping[str, Settings], parts: Partitions, force: bool
) -> list[dict[str, Any]]:
    """Return rows of `videos` that stage download would process; `is_local` where nothing is fetched."""
    spec = store.stages["download"]
    setup = WorkerSetup(
        root=store.root, stages=list(store.stages.values()), chain=[spec.name], configs=configs
    )
    worker = UnitWorker(setup)
    hashes, entries = store.hashes(spec.reads), store.entries(spec.name)
    files = MediaFolder(root=store.root)
    media = store.read("media", ["video_id", "path"]).to_pydict()
    paths = dict(zip(media["video_id"], media["path"], strict=True))
    rows = []
    for row in store.read("videos").to_pylist():
        unit = row["video_id"]
        task = UnitTask(
            unit=unit,
            hashes={table: of_table.get(unit, {}) for table, of_table in hashes.items()},
            entries={spec.name: entries[unit]} if unit in entries else {},
            force=force,
        )
        if partition_of(unit) in parts and worker.first_pending(task):
            is_local = unit in paths and bool(files.present(paths[unit]))
            failed = unit in entries and entries[unit].outcome is EntryOutcome.FAILED
            rows.append({**row, "is_local": is_local, "has_failed": failed})
    return rows


def _hours(root: Path, requests: Mapping[str, int], settings: RequestSettings) -> float:
    """Return the hours of the slowest host."""
    opens = {state.host: state.closed_until_s for state in closed_hosts(root)}
    hours = [0.0]
    for host, count in requests.items():
        waiting = max(0.0, opens.get(host, 0.0) - time.time()) / 3600
        paced = max(count / settings.per_hour, count * settings.gap_s / 3600)
        hours.append(waiting + (0.0 if is_local(host) else paced))
    return max(hours)


def forecast_lines(result: Forecast) -> list[str]:
    """Describe the forecast."""
    text = [
        f"lines    {result.new_lines} to expand, {result.lines_again} to try again; "
        f"{result.remote_lines} of them need a host",
        f"videos   {result.videos} to take up, {result.remote_videos} of them to fetch; "
        f"{result.not_surgical} left out by their titles, {result.blocked} by your lists",
    ]
    text += [f"         {title}" for title in map(printable, result.examples)]
    text += [
        f"requests {host}: {count}" for host, count in list(result.by_host.items())[:_MAX_SHOWN]
    ]
    if len(result.by_host) > _MAX_SHOWN:
        text.append(f"         and {len(result.by_host) - _MAX_SHOWN} more hosts")
    guess = "assuming 1.5 Mbit/s" if result.assumed else "at the rate of the media here"
    text += [
        f"time     {in_words(result.hours)} at the pace of the slowest host",
        f"disk     {result.bytes / 1e9:.1f} GB for {in_words(result.video_hours)} of video, {guess}",
    ]
    if result.remote_lines:
        text.append(
            "The videos behind the lines to expand are not known yet: each line counts as one video of mean "
            "length, so this is a lower bound."
        )
    return text


def _bytes_per_s(store: Store) -> tuple[float, bool]:
    media = store.read("media", ["bytes", "duration_s"]).to_pydict()
    seconds = sum(media["duration_s"])
    return (sum(media["bytes"]) / seconds, False) if seconds else (BYTES_A_SECOND, True)
