"""The form of each media file that remains after transcription."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from schemas.base import ForeignKey, TableSpec, matches, within
from schemas.columns import column
from schemas.vocab import MediaForm


@dataclass(frozen=True, kw_only=True)
class KeptRow:
    """The file that remains of one source video."""

    video_id: Annotated[str, column("source video")]
    form: Annotated[MediaForm, column("the whole file, a small proxy, or the sound alone")]
    path: Annotated[str, column("where the file lies: absolute, or relative to the dataset root")]
    bytes: Annotated[int, column("size of the file", unit="B")]


KEPT = TableSpec(
    name="kept",
    version=1,
    meaning="the file that remains of each source video, and in which form",
    row=KeptRow,
    primary_key=("video_id",),
    foreign_keys=(ForeignKey(column="video_id", parent="media", parent_column="video_id"),),
    rules=(matches("video_id"), within("bytes", 1)),
)
