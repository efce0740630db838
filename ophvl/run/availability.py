"""Whether the videos of a dataset can still be had. Asks for metadata alone; fetches nothing.

In: the videos of a folder that lie on the network and that no list keeps out. Out: rows of table
`availability`, a few at a time, so that a check of 44,290 videos that is broken off goes on where it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from ophvl.dataset.blocked import kept_out
from ophvl.dataset.store import Store
from ophvl.errors import HostClosedError, ItemError
from ophvl.ports import Downloader
from ophvl.sources.blocklists import BlockLists
from ophvl.sources.source_list import is_url
from schemas.availability import AVAILABILITY, AvailabilityRow
from schemas.vocab import RETRIED

AVAILABLE = "available"

NOTHING_TOLD = frozenset(map(str, RETRIED))
"""States of checks that the network or the host stood in the way of: they tell nothing of the video."""

_AT_ONCE = 50


def refresh(
    store: Store,
    downloader: Downloader,
    *,
    older_than: timedelta,
    told: Callable[[AvailabilityRow], None] = lambda row: None,
) -> tuple[Counter[str], list[HostClosedError]]:
    """Check every video whose last check is older; return states with counts, and what was held back."""
    counts: Counter[str] = Counter()
    held: list[HostClosedError] = []
    rows: list[AvailabilityRow] = []
    try:
        for video_id, url in _due(store, older_than):
            try:
                row = _check(video_id, url, downloader)
            except HostClosedError as err:
                held.append(err)
                continue
            counts[row.state] += 1
            told(row)
            rows.append(row)
            if len(rows) == _AT_ONCE:
                store.append("availability", AVAILABILITY.table(rows))
                rows = []
    finally:
        if rows:
            store.append("availability", AVAILABILITY.table(rows))
    return counts, held


def latest(store: Store) -> dict[str, AvailabilityRow]:
    """The last check of each video that told something of it."""
    found = store.read("availability").to_pylist()
    ordered = sorted(found, key=lambda row: row["checked_at"])
    return {
        row["video_id"]: AvailabilityRow(**row)
        for row in ordered
        if row["state"] not in NOTHING_TOLD
    }


def _due(store: Store, older_than: timedelta) -> list[tuple[str, str]]:
    checked = {video_id: row.checked_at for video_id, row in latest(store).items()}
    limit = datetime.now(UTC) - older_than
    videos = store.read("videos", ["video_id", "location"]).to_pylist()
    out = kept_out(store, BlockLists(store.root))
    return [
        (row["video_id"], row["location"])
        for row in videos
        if is_url(row["location"])
        and row["video_id"] not in out
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
