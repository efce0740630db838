"""Videos -> identities, and drops. What stands on a list of the folder goes no further; its media goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ophvl.lists import Lists
from ophvl.media.folder import MediaFolder
from ophvl.stage import StageResult
from pipelines.config import AdmitConfig

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, kw_only=True)
class IdentityRow:
    """A row of table `identities`."""

    video_id: str
    ids: list[str]
    urls: list[str]
    channels: list[str]


def admit(
    videos: pa.Table,
    *,
    config: AdmitConfig,
    lists: Lists,
    files: MediaFolder,
    previous: Mapping[str, pa.Table],
) -> StageResult:
    """Drop one video if it, or its channel, stands on a block list or an exclusion list.

    A list often does not say whose a video is: what its own page said once it was fetched (`previous`)
    counts too, and is kept when all else of a video that was taken down goes.
    """
    from schemas.identities import IDENTITIES

    (video,) = videos.to_pylist()
    known = previous["identities"].to_pylist()
    pages = previous["publications"].to_pylist()
    told = [video, *pages]
    identity = IdentityRow(
        video_id=video["video_id"],
        ids=_unique([i for row in known for i in row["ids"]], (page["page_id"] for page in pages)),
        urls=_unique(
            [video["location"]],
            (row["webpage_url"] for row in told),
            (url for row in known for url in row["urls"]),
        ),
        channels=_unique(
            (row[name] for row in told for name in ("channel_id", "channel_handle", "channel")),
            (channel for row in known for channel in row["channels"]),
        ),
    )
    drop = lists.judge(identity.video_id, identity.urls, identity.channels, ids=identity.ids)
    if drop is not None:
        files.discard(identity.video_id)
    return StageResult(
        tables={"identities": IDENTITIES.table([identity])},
        dropped=() if drop is None else (drop,),
    )


def _unique(*told: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(one for values in told for one in values if one))
