"""Subtitles as publishers offer them: a second source of text beside what was recognised."""

from __future__ import annotations

import pyarrow as pa

from schemas.base import Column, ForeignKey, TableSpec, matches, one_of, within
from schemas.vocab import CaptionKind

SUBTITLES = TableSpec(
    name="subtitles",
    version=1,
    meaning="lines of the subtitles that came with a video; nothing is made from them yet",
    columns=(
        Column(name="subtitle_id", type=pa.string(), meaning="<video_id>-c0000, in order of time"),
        Column(name="video_id", type=pa.string(), meaning="source video"),
        Column(
            name="kind", type=pa.string(), meaning="made by people, or by the site's recogniser"
        ),
        Column(name="language", type=pa.string(), meaning="language as published"),
        Column(name="start_s", type=pa.float64(), meaning="when the line appears", unit="s"),
        Column(name="end_s", type=pa.float64(), meaning="when it is gone", unit="s"),
        Column(
            name="text", type=pa.string(), meaning="the line; of rolling ones what is new in it"
        ),
    ),
    primary_key=("subtitle_id",),
    foreign_keys=(ForeignKey(column="video_id", parent="videos", parent_column="video_id"),),
    rules=(
        matches("subtitle_id"),
        one_of("kind", list(CaptionKind)),
        within("start_s", 0.0),
        within("end_s", 0.0),
    ),
)
