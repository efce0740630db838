"""Videos -> media. Local files stay where they are; URLs are fetched to `media/<video_id>.<ext>`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from ophvl.media.folder import MediaFolder
from ophvl.media.probe import probe
from ophvl.ports import Downloader
from ophvl.stage import Drop, StageResult
from pipelines.config import DownloadConfig
from schemas.vocab import DropReason, Surgical

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, kw_only=True)
class MediaRow:
    """A row of table `media`."""

    video_id: str
    path: str
    bytes: int
    sha256: str
    duration_s: float
    width: int
    height: int
    fps: float
    has_audio: bool
    fetched_at: datetime
    tool: str


def download(
    videos: pa.Table, *, config: DownloadConfig, downloader: Downloader, files: MediaFolder
) -> StageResult:
    """Fetch one video if it is not a local file, and probe it. What is surely not surgery is not fetched.

    Raises:
        ItemError: it cannot be fetched, or is not a video that can be decoded.
    """
    from schemas.media import MEDIA

    (video,) = videos.to_pylist()
    video_id = video["video_id"]
    if video["is_surgical"] == Surgical.NO and not config.assume_surgical:
        drop = Drop(
            row_id=video_id,
            reason=DropReason.NOT_SURGICAL,
            message="its title and description say so; --assume-surgical keeps it",
        )
        return StageResult(tables={"media": MEDIA.empty()}, dropped=(drop,))
    if video["extractor"] == "file":
        path, tool = Path(video["location"]), f"PyAV {version('av')}"
    else:
        fetched = downloader.fetch(video["location"], files.fetched, video_id)
        path, tool = fetched.path, fetched.tool
    seen = probe(path)
    row = MediaRow(
        video_id=video_id,
        path=files.name(path),
        bytes=seen.bytes,
        sha256=seen.sha256,
        duration_s=seen.duration_s,
        width=seen.width,
        height=seen.height,
        fps=seen.fps,
        has_audio=seen.has_audio,
        fetched_at=datetime.now(UTC).replace(microsecond=0),
        tool=tool,
    )
    return StageResult(tables={"media": MEDIA.table([row])})
