"""Which videos of a folder its lists keep out, as stage admit judges them."""

from __future__ import annotations

from collections.abc import Iterable

from ophvl.dataset.store import Store
from ophvl.sources.blocklists import BlockLists, names_of_video

_CHANNEL = ("channel", "channel_id", "channel_handle")


def kept_out(store: Store, lists: BlockLists, video_ids: Iterable[str] | None = None) -> set[str]:
    """Those of the videos, or of all, that stand on a list or whose channel does."""
    wanted = None if video_ids is None else frozenset(video_ids)
    told = ["video_id", "webpage_url", *_CHANNEL, "page_id"]
    pages = {row["video_id"]: row for row in store.read("publications", told, wanted).to_pylist()}
    known = {row["video_id"]: row for row in store.read("identities", None, wanted).to_pylist()}
    columns = ["video_id", "location", "webpage_url", *_CHANNEL]
    found = set()
    for row in store.read("videos", columns, wanted).to_pylist():
        unit = row["video_id"]
        names = names_of_video(
            row,
            [pages[unit]] if unit in pages else [],
            [known[unit]] if unit in known else [],
        )
        if lists.judge(unit, names.urls, names.channels, ids=names.ids):
            found.add(unit)
    return found
