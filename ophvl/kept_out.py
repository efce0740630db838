"""Which videos of a folder its lists keep out, as stage admit judges them."""

from __future__ import annotations

from collections.abc import Iterable

from ophvl.lists import Lists
from ophvl.store import Store

_CHANNEL = ("channel_id", "channel_handle", "channel")


def kept_out(store: Store, video_ids: Iterable[str] | None = None) -> set[str]:
    """Those of the videos, or of all, that stand on a list or whose channel does."""
    lists = Lists(store.root)
    columns = ["video_id", "location", "webpage_url", *_CHANNEL]
    known = {row["video_id"]: row for row in store.read("identities", None, video_ids).to_pylist()}
    nothing: dict[str, list[str]] = {"urls": [], "channels": [], "ids": []}
    return {
        row["video_id"]
        for row in store.read("videos", columns, video_ids).to_pylist()
        if lists.judge(
            row["video_id"],
            (row["location"], row["webpage_url"], *known.get(row["video_id"], nothing)["urls"]),
            (*(row[name] for name in _CHANNEL), *known.get(row["video_id"], nothing)["channels"]),
            ids=known.get(row["video_id"], nothing)["ids"],
        )
    }
