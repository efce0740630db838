"""What an ingest would do, without asking anybody: how many requests, how long at the pace, how much disk."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from ophvl.dataset.blocked import kept_out
from ophvl.dataset.ledger import EntryOutcome
from ophvl.dataset.store import Store
from ophvl.download.rate_limiter import closed_hosts, host_of, is_local
from ophvl.media.folder import BYTES_A_SECOND, MediaFolder
from ophvl.partitions import ALL_PARTS, Parts, part_of
from ophvl.report.terminal import in_words, printable
from ophvl.run.line_runner import LineRunner
from ophvl.run.unit_worker import ChainSetup, OpenStage, UnitChain, UnitReport, UnitTask
from ophvl.sources.blocklists import BlockLists
from ophvl.sources.source_list import is_url
from ophvl.stage import SourceLine
from schemas.vocab import Surgical

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_MEAN_S = 770.0
"""Mean length of a video of the OphVL paper (9,363 h in 44,290): for videos whose length is not known."""

_SHOWN = 5


class Asking(Protocol):
    """What counts of the config of stage download."""

    @property
    def gap_s(self) -> float: ...

    @property
    def per_hour(self) -> int: ...

    @property
    def assume_surgical(self) -> bool: ...


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What would be done.

    `hours` is what the slowest host takes at its pace, and until it opens if it is closed. A line that is
    still to be expanded counts as one video of mean length, of two requests (its metadata, then itself).
    """

    new_lines: int
    lines_again: int
    remote_lines: int
    videos: int
    remote_videos: int
    not_surgical: int
    kept_out: int
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
    configs: Mapping[str, DataclassInstance],
    *,
    lists: BlockLists,
    parts: Parts = ALL_PARTS,
    limit: int | None = None,
    force: bool = False,
) -> Forecast:
    """Look at the list and at the ledger.

    Args:
        configs: the config of every stage by name.
        lists: what keeps videos out.
        parts: the videos of a job; the lines are expanded by whichever job comes first.
        limit: of videos that are taken up; those known already come first.
        force: as if nothing were done yet; what was fetched is there all the same.
    """
    asking = cast(Asking, configs["download"])
    discover = OpenStage(
        spec=store.stages["discover"], config=configs["discover"], folder=store.root
    )
    runner = LineRunner(store, _Nobody(), forced=set() if force else None, parts=parts)
    due = runner.due(discover, lines)
    known = store.entries("discover")
    pending = _due_videos(store, configs, parts, force)
    out = kept_out(store, lists)
    admitted = [row for row in pending if row["video_id"] not in out]
    wanted = [
        row for row in admitted if row["is_surgical"] != Surgical.NO or asking.assume_surgical
    ]
    not_surgical = len(admitted) - len(wanted)
    wanted = sorted(wanted, key=lambda row: row["has_failed"])[:limit]
    left = None if limit is None else limit - len(wanted)
    meant = {line.target: line for line in reversed(lines) if line.line_id in due}
    asked = list(reversed(meant.values()))[:left]
    remote = [row for row in wanted if is_url(row["location"]) and not row["is_had"]]
    requests = Counter(host_of(row["location"]) for row in remote)
    for line in asked:
        if line.is_url:
            requests[host_of(line.text)] += 2
    remote_lines = sum(line.is_url for line in asked)
    seconds = sum(row["listed_duration_s"] or _MEAN_S for row in remote) + _MEAN_S * remote_lines
    a_second, assumed = _bytes_a_second(store)
    return Forecast(
        new_lines=sum(line.line_id not in known for line in asked),
        lines_again=sum(line.line_id in known for line in asked),
        remote_lines=remote_lines,
        videos=len(wanted),
        remote_videos=len(remote),
        not_surgical=not_surgical,
        kept_out=len(pending) - len(admitted),
        video_hours=seconds / 3600,
        by_host=dict(requests.most_common()),
        hours=_hours(store.root, requests, asking),
        bytes=seconds * a_second,
        assumed=assumed,
        examples=tuple(row["title"] for row in remote[:_SHOWN]),
    )


class _Nobody:
    """A reporter that is told nothing: nothing is done."""

    def note(self, text: str) -> None: ...

    def started(self, stages: Sequence[str], total: int) -> None: ...

    def advanced(self, report: UnitReport) -> None: ...

    def ended(self) -> None: ...


def _due_videos(
    store: Store, configs: Mapping[str, DataclassInstance], parts: Parts, force: bool
) -> list[dict[str, Any]]:
    """Rows of `videos` that stage download would take up; `is_had` where nothing is fetched for it."""
    spec = store.stages["download"]
    setup = ChainSetup(
        root=store.root, stages=list(store.stages.values()), chain=[spec.name], configs=configs
    )
    chain = UnitChain(setup)
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
        if part_of(unit) in parts and chain.due(task):
            is_had = unit in paths and bool(files.present(paths[unit]))
            failed = unit in entries and entries[unit].outcome is EntryOutcome.FAILED
            rows.append({**row, "is_had": is_had, "has_failed": failed})
    return rows


def _hours(root: Path, requests: Mapping[str, int], asking: Asking) -> float:
    """What the slowest host takes."""
    opens = {state.host: state.closed_until_s for state in closed_hosts(root)}
    hours = [0.0]
    for host, count in requests.items():
        waiting = max(0.0, opens.get(host, 0.0) - time.time()) / 3600
        paced = max(count / asking.per_hour, count * asking.gap_s / 3600)
        hours.append(waiting + (0.0 if is_local(host) else paced))
    return max(hours)


def forecast_lines(found: Forecast) -> list[str]:
    """The forecast in words."""
    text = [
        f"lines    {found.new_lines} to expand, {found.lines_again} to try again; "
        f"{found.remote_lines} of them ask a host",
        f"videos   {found.videos} to take up, {found.remote_videos} of them to fetch; "
        f"{found.not_surgical} left out by their titles, {found.kept_out} by your lists",
    ]
    text += [f"         {title}" for title in map(printable, found.examples)]
    text += [f"requests {host}: {count}" for host, count in list(found.by_host.items())[:_SHOWN]]
    if len(found.by_host) > _SHOWN:
        text.append(f"         and {len(found.by_host) - _SHOWN} more hosts")
    guess = "assuming 1.5 Mbit/s" if found.assumed else "at the rate of the media here"
    text += [
        f"time     {in_words(found.hours)} at the pace of the slowest host",
        f"disk     {found.bytes / 1e9:.1f} GB for {in_words(found.video_hours)} of video, {guess}",
    ]
    if found.remote_lines:
        text.append(
            "What the lines to expand lead to is not known yet: one video of mean length is counted for "
            "each, so this is the least."
        )
    return text


def _bytes_a_second(store: Store) -> tuple[float, bool]:
    media = store.read("media", ["bytes", "duration_s"]).to_pydict()
    seconds = sum(media["duration_s"])
    return (sum(media["bytes"]) / seconds, False) if seconds else (BYTES_A_SECOND, True)
