"""What is left of the media once it is transcribed."""

from __future__ import annotations

import pyarrow as pa

from schemas.base import Column, ForeignKey, TableSpec, matches, one_of, within
from schemas.vocab import MediaForm

KEPT = TableSpec(
    name="kept",
    version=1,
    meaning="the file that is left of each source video, and what it still shows",
    columns=(
        Column(name="video_id", type=pa.string(), meaning="source video"),
        Column(
            name="form", type=pa.string(), meaning="the whole, a small proxy, or the sound alone"
        ),
        Column(
            name="path",
            type=pa.string(),
            meaning="where the file lies: absolute, or relative to the dataset root",
        ),
        Column(name="bytes", type=pa.int64(), meaning="size of the file", unit="B"),
    ),
    primary_key=("video_id",),
    foreign_keys=(ForeignKey(column="video_id", parent="media", parent_column="video_id"),),
    rules=(matches("video_id"), one_of("form", list(MediaForm)), within("bytes", 1)),
)
