"""Videos -> nothing but drops: what stands on a list of the folder goes no further, and its media goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ophvl.lists import Lists
from ophvl.media.folder import MediaFolder
from ophvl.stage import StageResult
from pipelines.config import AdmitConfig

if TYPE_CHECKING:
    import pyarrow as pa


def admit(
    videos: pa.Table, *, config: AdmitConfig, lists: Lists, files: MediaFolder
) -> StageResult:
    """Drop one video if it, or its channel, stands on a block list or an exclusion list."""
    (video,) = videos.to_pylist()
    urls = (video["location"], video["webpage_url"])
    channels = (video["channel_id"], video["channel_handle"], video["channel"])
    drop = lists.judge(video["video_id"], urls, channels)
    if drop is None:
        return StageResult(tables={})
    files.discard(video["video_id"])
    return StageResult(tables={}, dropped=(drop,))
