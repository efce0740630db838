"""Stage keep: media -> kept. Replaces transcribed videos by a small proxy or by their sound, if set so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

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


Row = Mapping[str, Any]


def keep(
    media: pa.Table,
    speech: pa.Table,
    *,
    config: KeepConfig,
    files: MediaFolder,
    proxies: ProxyWriter,
) -> StageResult:
    """Reduce one video's media to the form that is set, and delete the rest. Local files are never changed.

    The smaller file is complete before the larger one is deleted. A deleted form is not fetched again: after
    a crash, or with another setting, the next call continues from the forms that are left.

    Raises:
        ItemError: there is no file any more, it cannot be decoded, or the disk is full.
    """
    (file,) = media.to_pylist()
    assert speech.num_rows == 1  # It is transcribed.
    path, form = _reduce(file, MediaForm(config.media), files, proxies)
    name = file["path"] if form is MediaForm.ALL else files.name(path)
    row = KeptRow(video_id=file["video_id"], form=form, path=name, bytes=path.stat().st_size)
    return StageResult(tables={"kept": KEPT.table([row])})


def _reduce(
    file: Row, target: MediaForm, files: MediaFolder, proxies: ProxyWriter
) -> tuple[Path, MediaForm]:
    """Reduce one video's media to the form `target`; return the largest file that is left, and its form."""
    stored = str(file["path"])
    present = files.present(stored)
    whole, proxy, sound = (files.path(stored, form) for form in MediaForm)
    has_audio = bool(file["has_audio"])
    if target is MediaForm.ALL or not files.is_fetched(stored) or not present:
        pass
    elif target is MediaForm.PROXY or not has_audio:  # Of a video without sound its pictures stay.
        if present[0] is MediaForm.ALL:
            size = (int(str(file["width"])), int(str(file["height"])))
            proxies.write(files.pictures(file), proxy, size=size, has_audio=has_audio)
            whole.unlink()
    elif present[0] is not MediaForm.AUDIO:
        proxies.write_sound(files.sound(file), sound)
        proxy.unlink(missing_ok=True)
        whole.unlink(missing_ok=True)
    left = files.present(stored)
    if not left:
        raise ItemError(
            FailureKind.NOT_FOUND,
            f"{whole} is gone, and so are its proxy and its sound; fetch it again",
        )
    return files.path(stored, left[0]), left[0]


STAGE = StageSpec(
    name="keep",
    version=1,
    scope=Scope.UNIT,
    run=keep,
    settings=KeepConfig,
    help="replace fetched media by a proxy or by the sound alone, if set so",
    reads={
        "media": (
            "video_id",
            "path",
            "sha256",
            "width",
            "height",
            "has_audio",
            "audio_stream",
            "clock_jumps",
        ),
        "speech": ("video_id",),
    },
    writes=("kept",),
    ports={"files": "pipelines.wiring:media_folder", "proxies": "pipelines.wiring:proxies"},
)
