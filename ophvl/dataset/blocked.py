"""Which videos of a folder its block lists exclude, judged as stage admit does."""

from __future__ import annotations

from collections.abc import Iterable

from ophvl.dataset.store import Store
from ophvl.sources.blocklists import BlockLists, names_of_video

_CHANNEL = ("channel", "channel_id", "channel_handle")


def blocked_videos(
    store: Store, lists: BlockLists, video_ids: Iterable[str] | None = None
) -> set[str]:
    """Return those of the videos, or of all, that are on a block list or whose channel is."""
    requested = None if video_ids is None else frozenset(video_ids)
    columns = ["video_id", "webpage_url", *_CHANNEL, "page_id"]
    publications = store.read("publications", columns, requested).to_pylist()
    pages = {row["video_id"]: row for row in publications}
    identities = {
        row["video_id"]: row for row in store.read("identities", None, requested).to_pylist()
    }
    columns = ["video_id", "location", "webpage_url", *_CHANNEL]
    blocked = set()
    for row in store.read("videos", columns, requested).to_pylist():
        unit = row["video_id"]
        names = names_of_video(
            row,
            [pages[unit]] if unit in pages else [],
            [identities[unit]] if unit in identities else [],
        )
        if lists.judge(unit, names.urls, names.channels, ids=names.ids):
            blocked.add(unit)
    return blocked
