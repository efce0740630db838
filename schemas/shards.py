"""Training rows: pairs joined with their frames. One Parquet file of `out/shards/` holds many."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from schemas.base import Array, Column, Rule, TableSpec, matches, one_of, present_if, span, within
from schemas.vocab import Level, LicenceClass, Route, Split

ATTRIBUTE = pa.struct(
    [
        pa.field("kind", pa.string()),
        pa.field("concept_id", pa.string()),
        pa.field("label", pa.string()),
        pa.field("negated", pa.bool_()),
    ]
)


def _frames_without_times(table: pa.Table) -> Array:
    counts = pc.list_value_length(table.column("frames"))
    times = pc.list_value_length(table.column("frame_times_s"))
    return pc.or_(pc.not_equal(counts, times), pc.equal(counts, 0))


PAIR_COLUMNS = (
    Column(
        name="pair_id",
        type=pa.string(),
        meaning="narration id at clip level, <video_id>-v at video level",
    ),
    Column(name="level", type=pa.string(), meaning="clip or video"),
    Column(name="kind", type=pa.string(), meaning="narrated or silent source video"),
    Column(name="video_id", type=pa.string(), meaning="source video"),
    Column(name="channel_id", type=pa.string(), meaning="publisher, where known", nullable=True),
    Column(name="start_s", type=pa.float64(), meaning="start of the clip or video", unit="s"),
    Column(name="end_s", type=pa.float64(), meaning="end, not included", unit="s"),
    Column(
        name="text",
        type=pa.string(),
        meaning="narration of the clip; null at video level",
        nullable=True,
    ),
    Column(
        name="title",
        type=pa.string(),
        meaning="structured title of the source video; null where nothing is known",
        nullable=True,
    ),
    Column(
        name="narrations",
        type=pa.list_(pa.string()),
        meaning="at video level, the texts of its clips in time order; else empty",
    ),
    Column(
        name="attributes",
        type=pa.list_(ATTRIBUTE),
        meaning="concepts found in the narration (clip) or gathered over the video",
    ),
    Column(name="confidence", type=pa.float64(), meaning="how far the text can be trusted, 0 to 1"),
    Column(name="split", type=pa.string(), meaning="train, val or test, by source video"),
    Column(name="licence_class", type=pa.string(), meaning="what the source's licence allows"),
)
"""Columns that `pairs` and `shards` share: a shard row is a pair with pixels."""

PAIR_RULES = (
    matches("pair_id"),
    matches("video_id"),
    one_of("level", list(Level)),
    one_of("kind", list(Route)),
    one_of("split", list(Split)),
    one_of("licence_class", list(LicenceClass)),
    span(),
    within("confidence", 0.0, 1.0),
    present_if("text", "level", Level.CLIP),
)

SHARDS = TableSpec(
    name="shards",
    version=1,
    meaning="training rows: clip with narration, video with structured title, silent video; with JPEG frames",
    columns=(
        *PAIR_COLUMNS,
        Column(name="frames", type=pa.list_(pa.binary()), meaning="JPEG pictures in time order"),
        Column(
            name="frame_times_s",
            type=pa.list_(pa.float64()),
            meaning="time of each picture in the source video",
            unit="s",
        ),
    ),
    primary_key=("pair_id",),
    rules=(
        *PAIR_RULES,
        Rule(
            name="frames and times differ",
            column="frame_times_s",
            expects="one time for each of at least one frame",
            broken=_frames_without_times,
        ),
    ),
)
