"""Media -> kept. Once a fetched video is transcribed, a small proxy or its sound may take its place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ophvl.config import Settings, Unit
from ophvl.errors import ItemError
from ophvl.media.folder import MediaFolder
from ophvl.media.proxy import ProxyWriter
from ophvl.stage import Scope, StageResult, StageSpec
from schemas.kept import KEPT, KeptRow
from schemas.vocab import FailureKind, MediaForm

if TYPE_CHECKING:
    import pyarrow as pa


class KeepConfig(Settings):
    """Settings of stage keep."""

    media: Literal["all", "proxy", "audio"] = Field(
        "all", description="What is left of a fetched video once it is transcribed."
    )
    short_side: Annotated[int, Unit("pixels")] = Field(
        256, ge=1, description="Short side of a proxy's picture."
    )
    fps: Annotated[float, Unit("1/s")] = Field(4.0, gt=0, description="Frame rate of a proxy.")
    crf: int = Field(20, ge=1, description="Quality of a proxy (H.264 CRF); lower is better.")


Row = Mapping[str, object]


def keep(
    media: pa.Table,
    speech: pa.Table,
    *,
    config: KeepConfig,
    files: MediaFolder,
    proxies: ProxyWriter,
) -> StageResult:
    """Make what is wanted of one video's media, then let the rest go. Local files are never touched.

    The smaller file is whole before the larger one goes, and what is gone stays gone: after a crash, or
    with another wish, the next call goes on from what there is.

    Raises:
        ItemError: there is no file any more, it cannot be decoded, or the disk is full.
    """
    (file,) = media.to_pylist()
    assert speech.num_rows == 1  # It is transcribed.
    path, form = _wanted(file, MediaForm(config.media), files, proxies)
    name = file["path"] if form is MediaForm.ALL else files.name(path)
    row = KeptRow(video_id=file["video_id"], form=form, path=name, bytes=path.stat().st_size)
    return StageResult(tables={"kept": KEPT.table([row])})


def _wanted(
    file: Row, wish: MediaForm, files: MediaFolder, proxies: ProxyWriter
) -> tuple[Path, MediaForm]:
    """Bring one video's media into the form that is wished for; return the file and its form."""
    stored = str(file["path"])
    present = files.present(stored)
    whole, proxy, sound = (files.path(stored, form) for form in MediaForm)
    has_audio = bool(file["has_audio"])
    if wish is MediaForm.ALL or not files.is_fetched(stored) or not present:
        pass
    elif wish is MediaForm.PROXY or not has_audio:  # Of a video without sound its pictures stay.
        if present[0] is MediaForm.ALL:
            size = (int(str(file["width"])), int(str(file["height"])))
            proxies.write(whole, proxy, size=size, has_audio=has_audio)
            whole.unlink()
    elif present[0] is not MediaForm.AUDIO:
        proxies.write_sound(files.path(stored, present[0]), sound)
        proxy.unlink(missing_ok=True)
        whole.unlink(missing_ok=True)
    left = files.present(stored)
    if not left:
        raise ItemError(
            FailureKind.NOT_FOUND,
            f"{whole} is gone, and so is all that was made of it; fetch it again",
        )
    return files.path(stored, left[0]), left[0]


STAGE = StageSpec(
    name="keep",
    version=1,
    scope=Scope.UNIT,
    run=keep,
    settings=KeepConfig,
    help="let a proxy, or the sound alone, take the place of fetched media, if that is wanted",
    reads={
        "media": ("video_id", "path", "sha256", "width", "height", "has_audio"),
        "speech": ("video_id",),
    },
    writes=("kept",),
    ports={"files": "pipelines.wiring:media_folder", "proxies": "pipelines.wiring:proxies"},
)
