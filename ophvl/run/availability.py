"""Check whether the videos of a dataset are still available. Requests metadata alone; downloads nothing.

In: the videos of a folder that have a URL and are not blocked. Out: rows of table `availability`, a few at a
time, so that an interrupted check of 44,290 videos continues where it stopped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from ophvl.dataset.blocked import blocked_videos
from ophvl.dataset.store import Store
from ophvl.errors import HostClosedError, ItemError
from ophvl.ports import Downloader
from ophvl.sources.blocklists import BlockLists
from ophvl.sources.source_list import is_url
from schemas.availability import AVAILABILITY, AvailabilityRow
from schemas.vocab import RETRIED

AVAILABLE = "available"

INCONCLUSIVE = frozenset(map(str, RETRIED))
"""States of checks that the network or the host prevented: they say nothing about the video."""

_BATCH_ROWS = 50


def refresh(
    store: Store,
    downloader: Downloader,
    *,
    older_than: timedelta,
    on_check: Callable[[AvailabilityRow], None] = lambda row: None,
) -> tuple[Counter[str], list[HostClosedError]]:
    """Check every video whose last check is older.

    Args:
        on_check: called after each check.

    Returns:
        States with counts, and an error for each video that waits for its host.
    """

    counts: Counter[str] = Counter()
    deferred: list[HostClosedError] = []
    rows: list[AvailabilityRow] = []
    try:
        for video_id, url in _pending(store, older_than):
            try:
                row = _check(video_id, url, downloader)
            except HostClosedError as err:
                deferred.append(err)
                continue
            counts[row.state] += 1
            on_check(row)
            rows.append(row)
            if len(rows) == _BATCH_ROWS:
                store.append("availability", AVAILABILITY.table(rows))
                rows = []
    finally:
        if rows:
            store.append("availability", AVAILABILITY.table(rows))
    return counts, deferred


def latest(store: Store) -> dict[str, AvailabilityRow]:
    """Return the last conclusive check of each video."""
    rows = store.read("availability").to_pylist()
    ordered = sorted(rows, key=lambda row: row["checked_at"])
    return {
        row["video_id"]: AvailabilityRow(**row)
        for row in ordered
        if row["state"] not in INCONCLUSIVE
    }


def _pending(store: Store, older_than: timedelta) -> list[tuple[str, str]]:
    """Return id and URL of the videos to check."""
    checked = {video_id: row.checked_at for video_id, row in latest(store).items()}
    limit = datetime.now(UTC) - older_than
    videos = store.read("videos", ["video_id", "location"]).to_pylist()
    blocked = blocked_videos(store, BlockLists(store.root))
    return [
        (row["video_id"], row["location"])
        for row in videos
        if is_url(row["location"])
        and row["video_id"] not in blocked
        and (row["video_id"] not in checked or checked[row["video_id"]] <= limit)
    ]


def _check(video_id: str, url: str, downloader: Downloader) -> AvailabilityRow:
    state, licence, message = AVAILABLE, None, ""
    try:
        licence = downloader.expand(url)[0].licence
    except ItemError as err:
        state, message = str(err.kind), str(err).encode(errors="backslashreplace").decode()
    return AvailabilityRow(
        video_id=video_id,
        checked_at=datetime.now(UTC).replace(microsecond=0),
        state=state,
        licence=licence,
        message=message,
    )
