"""Which videos of a folder its lists keep out, as stage admit judges them."""

from __future__ import annotations

from collections.abc import Iterable

from ophvl.lists import Lists
from ophvl.store import Store

_CHANNEL = ("channel_id", "channel_handle", "channel")


def kept_out(store: Store, lists: Lists, video_ids: Iterable[str] | None = None) -> set[str]:
    """Those of the videos, or of all, that stand on a list or whose channel does."""
    columns = ["video_id", "location", "webpage_url", *_CHANNEL]
    known = {row["video_id"]: row for row in store.read("identities", None, video_ids).to_pylist()}
    found = set()
    for row in store.read("videos", columns, video_ids).to_pylist():
        more = known.get(row["video_id"], {"urls": (), "channels": (), "ids": ()})
        urls = (row["location"], row["webpage_url"], *more["urls"])
        channels = (*(row[name] for name in _CHANNEL), *more["channels"])
        if lists.judge(row["video_id"], urls, channels, ids=more["ids"]):
            found.add(row["video_id"])
    return found
