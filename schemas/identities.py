"""By what each source video is known: what block lists and exclusion lists are compared with."""

from __future__ import annotations

import pyarrow as pa

from schemas.base import Column, ForeignKey, TableSpec, matches

IDENTITIES = TableSpec(
    name="identities",
    version=1,
    meaning="what source lists and pages say of whose a video is and what it is called; stays of one that is "
    "kept out, so that it is known again",
    columns=(
        Column(name="video_id", type=pa.string(), meaning="source video"),
        Column(
            name="ids",
            type=pa.list_(pa.string()),
            meaning="ids by its own page, as video_id is made",
        ),
        Column(name="urls", type=pa.list_(pa.string()), meaning="addresses"),
        Column(
            name="channels",
            type=pa.list_(pa.string()),
            meaning="ids, handles and names of its channel",
        ),
    ),
    primary_key=("video_id",),
    foreign_keys=(ForeignKey(column="video_id", parent="videos", parent_column="video_id"),),
    rules=(matches("video_id"),),
)
