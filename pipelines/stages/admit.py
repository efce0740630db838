"""Stage admit: videos -> identities. Videos on a list of the folder are dropped, and their media deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ophvl.config import Settings
from ophvl.media.folder import MediaFolder
from ophvl.sources.blocklists import BlockLists, names_of_video
from ophvl.stage import Scope, StageResult, StageSpec
from schemas.identities import IDENTITIES, IdentityRow

if TYPE_CHECKING:
    import pyarrow as pa


class AdmitConfig(Settings):
    """Settings of stage admit: none; its lists are files of the dataset folder."""


def admit(
    videos: pa.Table,
    *,
    config: AdmitConfig,
    lists: BlockLists,
    files: MediaFolder,
    previous: Mapping[str, pa.Table],
) -> StageResult:
    """Drop one video if it, or its channel, is on a block list or an exclusion list.

    Listings often lack the channel of a video. The channel that its own page named when it was fetched
    (`previous`) counts too, and stays known after everything else of a blocked video is deleted.
    """
    (video,) = videos.to_pylist()
    names = names_of_video(
        video, previous["publications"].to_pylist(), previous["identities"].to_pylist()
    )
    identity = IdentityRow(video_id=video["video_id"], **names._asdict())
    drop = lists.judge(identity.video_id, names.urls, names.channels, ids=names.ids)
    if drop is not None:
        files.discard(identity.video_id)
    return StageResult(
        tables={"identities": IDENTITIES.table([identity])},
        dropped=() if drop is None else (drop,),
    )


STAGE = StageSpec(
    name="admit",
    version=2,
    scope=Scope.UNIT,
    run=admit,
    settings=AdmitConfig,
    help="drop videos on the folder's block list or exclusion list",
    reads={
        "videos": (
            "video_id",
            "location",
            "webpage_url",
            "channel",
            "channel_id",
            "channel_handle",
        )
    },
    writes=("identities",),
    ports={"lists": "pipelines.wiring:lists", "files": "pipelines.wiring:media_folder"},
    previous=("identities", "publications"),
)
