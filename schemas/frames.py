"""Pictures of the videos, decoded once and used again by every rebuild."""

from __future__ import annotations

import pyarrow as pa

from schemas.base import Column, ForeignKey, TableSpec, matches, within

FRAMES = TableSpec(
    name="frames",
    version=1,
    meaning="JPEG frames by source video and time",
    columns=(
        Column(name="video_id", type=pa.string(), meaning="source video"),
        Column(
            name="media_sha256", type=pa.string(), meaning="content that the frame was decoded from"
        ),
        Column(
            name="time_s",
            type=pa.float64(),
            meaning="time asked for; the frame shown at that time",
            unit="s",
        ),
        Column(name="width", type=pa.int64(), meaning="picture width", unit="px"),
        Column(name="height", type=pa.int64(), meaning="picture height", unit="px"),
        Column(
            name="short_side", type=pa.int64(), meaning="short side that was asked for", unit="px"
        ),
        Column(name="quality", type=pa.int64(), meaning="JPEG quality that was asked for"),
        Column(name="jpeg", type=pa.binary(), meaning="JPEG file"),
    ),
    primary_key=("video_id", "time_s"),
    foreign_keys=(ForeignKey(column="video_id", parent="media", parent_column="video_id"),),
    rules=(
        matches("media_sha256", r"^[0-9a-f]{64}$"),
        within("time_s", 0.0),
        within("width", 1),
        within("height", 1),
    ),
)
