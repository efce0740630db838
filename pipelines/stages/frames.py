"""Stage frames: media, pairs -> frames. Each picture is decoded once; later rebuilds use it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ophvl.config import Settings, Unit
from ophvl.media.folder import MediaFolder
from ophvl.ports import FrameReader
from ophvl.stage import Scope, StageResult, StageSpec, StageWarning
from schemas.frames import FRAMES, FrameRow
from schemas.vocab import WarningKind

if TYPE_CHECKING:
    import pyarrow as pa


class FramesConfig(Settings):
    """Settings of stage frames."""

    short_side: Annotated[int, Unit("pixels")] = Field(
        256, ge=1, description="Short side of each picture; smaller pictures are not enlarged."
    )
    quality: int = Field(90, ge=1, le=100, description="JPEG quality.")


def frames(
    media: pa.Table,
    pairs: pa.Table,
    *,
    previous: Mapping[str, pa.Table],
    config: FramesConfig,
    frame_reader: FrameReader,
    files: MediaFolder,
) -> StageResult:
    """Decode the pictures of one video at all times that its pairs name.

    Raises:
        ItemError: the video cannot be decoded at one of these times.
        UsageError: only the sound of the video is left.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    (file,) = media.to_pylist()
    times = pc.unique(pc.list_flatten(pairs.column("frame_times_s")))
    reused = previous["frames"].filter(
        pc.field("time_s").isin(times)
        & (pc.field("media_sha256") == file["sha256"])
        & (pc.field("short_side") == config.short_side)
        & (pc.field("quality") == config.quality)
    )
    missing = sorted(set(times.to_pylist()) - set(reused.column("time_s").to_pylist()))
    decoded = list(frame_reader.read(files.pictures(file), missing)) if missing else []
    rows = [
        FrameRow(
            video_id=file["video_id"],
            media_sha256=file["sha256"],
            time_s=frame.time_s,
            width=frame.width,
            height=frame.height,
            short_side=config.short_side,
            quality=config.quality,
            jpeg=frame.jpeg,
        )
        for frame in decoded
    ]
    table = pa.concat_tables([reused, FRAMES.table(rows)]).sort_by("time_s")
    damaged = sum(frame.damaged for frame in decoded)
    return StageResult(tables={"frames": table}, warnings=_warnings(file["video_id"], damaged))


def _warnings(video_id: str, damaged: int) -> tuple[StageWarning, ...]:
    if not damaged:
        return ()
    message = (
        f"{damaged} packet(s) of its pictures are damaged where they were read; the picture before each is "
        "shown in its place"
    )
    return (StageWarning(kind=WarningKind.DAMAGED_PICTURES, item=video_id, message=message),)


STAGE = StageSpec(
    name="frames",
    version=1,
    scope=Scope.UNIT,
    run=frames,
    settings=FramesConfig,
    help="decode the pictures at the times that the pairs name",
    reads={
        "media": ("video_id", "path", "sha256", "audio_stream", "clock_jumps"),
        "pairs": ("pair_id", "video_id", "frame_times_s"),
    },
    writes=("frames",),
    ports={
        "files": "pipelines.wiring:media_folder",
        "frame_reader": "pipelines.wiring:frame_reader",
    },
    previous=("frames",),
)
