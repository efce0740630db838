"""Fetched files, as the decoder sees them."""

from __future__ import annotations

import pyarrow as pa

from schemas.base import Column, ForeignKey, TableSpec, matches, within

MEDIA = TableSpec(
    name="media",
    version=1,
    meaning="the file behind each source video, probed",
    columns=(
        Column(name="video_id", type=pa.string(), meaning="source video"),
        Column(
            name="path",
            type=pa.string(),
            meaning="where the file lies: absolute, or relative to the dataset root",
        ),
        Column(name="bytes", type=pa.int64(), meaning="size of the file", unit="B"),
        Column(name="sha256", type=pa.string(), meaning="hash of the file's content"),
        Column(
            name="duration_s", type=pa.float64(), meaning="duration of the video stream", unit="s"
        ),
        Column(name="width", type=pa.int64(), meaning="picture width", unit="px"),
        Column(name="height", type=pa.int64(), meaning="picture height", unit="px"),
        Column(name="fps", type=pa.float64(), meaning="average frame rate", unit="1/s"),
        Column(name="has_audio", type=pa.bool_(), meaning="whether there is an audio stream"),
        Column(
            name="fetched_at",
            type=pa.timestamp("ms", tz="UTC"),
            meaning="when the file was fetched or found",
        ),
        Column(
            name="tool", type=pa.string(), meaning="name and version of the tool that fetched it"
        ),
    ),
    primary_key=("video_id",),
    foreign_keys=(ForeignKey(column="video_id", parent="videos", parent_column="video_id"),),
    rules=(
        matches("sha256", r"^[0-9a-f]{64}$"),
        within("bytes", 1),
        within("duration_s", 0.0),
        within("width", 1),
        within("height", 1),
        within("fps", 0.0),
    ),
)
