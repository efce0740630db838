"""What an ingest would do, without asking anybody: how many requests, how long at the pace, how much disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ophvl.backends.pacer import host_of, is_local
from ophvl.ledger import EntryOutcome
from ophvl.lists import Lists
from ophvl.media.folder import BYTES_A_SECOND
from ophvl.parts import ALL_PARTS, Parts, part_of
from ophvl.report.terminal import in_words, printable
from ophvl.sources import is_url
from ophvl.stage import SourceLine
from ophvl.store import Store
from schemas.vocab import RETRIED, Surgical

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

    `hours` is what the slowest host takes at its pace, with two requests for a line that is still to be
    expanded (its metadata, then the video); `bytes` what the videos known so far take.
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
    asking: Asking,
    *,
    lists: Lists,
    parts: Parts = ALL_PARTS,
    limit: int | None = None,
) -> Forecast:
    """Look at the list and at the ledger.

    Args:
        asking: the config of stage download.
        lists: what keeps videos out.
        parts: the videos of a job; the lines are expanded by whichever job comes first.
        limit: of lines that lead to something new, and of videos.
    """
    entries = store.entries("discover")
    new = [line for line in lines if line.line_id not in entries]
    again = [
        line
        for line in lines
        if (entry := entries.get(line.line_id)) is not None
        and entry.outcome is EntryOutcome.FAILED
        and entry.kind in RETRIED
    ]
    columns = ["video_id", "location", "webpage_url", "listed_duration_s", "is_surgical", "title"]
    channels = ["channel_id", "channel_handle", "channel"]
    done = store.entries("download")
    pending = [
        row
        for row in store.read("videos", columns + channels).to_pylist()
        if part_of(row["video_id"]) in parts
        if (entry := done.get(row["video_id"])) is None
        or (entry.outcome is EntryOutcome.FAILED and entry.kind in RETRIED)
    ]
    admitted = [
        row
        for row in pending
        if not lists.judge(
            row["video_id"], (row["location"], row["webpage_url"]), [row[name] for name in channels]
        )
    ]
    wanted = [
        row for row in admitted if row["is_surgical"] != Surgical.NO or asking.assume_surgical
    ]
    not_surgical = len(admitted) - len(wanted)
    wanted, asked = wanted[:limit], [*new, *again][:limit]
    remote = [row for row in wanted if is_url(row["location"])]
    requests = Counter(host_of(row["location"]) for row in remote)
    for line in asked:
        if line.is_url:
            requests[host_of(line.text)] += 2
    paced = {host: count for host, count in requests.items() if not is_local(host)}
    seconds = sum(row["listed_duration_s"] or _MEAN_S for row in remote)
    a_second, assumed = _bytes_a_second(store)
    return Forecast(
        new_lines=len(new),
        lines_again=len(again),
        remote_lines=sum(line.is_url for line in asked),
        videos=len(wanted),
        remote_videos=len(remote),
        not_surgical=not_surgical,
        kept_out=len(pending) - len(admitted),
        video_hours=seconds / 3600,
        by_host=dict(requests.most_common()),
        hours=max(
            (max(n / asking.per_hour, n * asking.gap_s / 3600) for n in paced.values()), default=0.0
        ),
        bytes=seconds * a_second,
        assumed=assumed,
        examples=tuple(row["title"] for row in remote[:_SHOWN]),
    )


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
    guess = "assuming 1.5 Mbit/s" if found.assumed else "at the rate of the media here"
    text += [
        f"time     {in_words(found.hours)} at the pace of the slowest host",
        f"disk     {found.bytes / 1e9:.1f} GB for {in_words(found.video_hours)} of video, {guess}",
    ]
    if found.remote_lines:
        text.append(
            "What the lines to expand lead to is not known yet: only the requests for one are counted."
        )
    return text


def _bytes_a_second(store: Store) -> tuple[float, bool]:
    media = store.read("media", ["bytes", "duration_s"]).to_pydict()
    seconds = sum(media["duration_s"])
    return (sum(media["bytes"]) / seconds, False) if seconds else (BYTES_A_SECOND, True)
