"""Concepts and phrases of each source video, gathered from its narrations, title and description."""

from __future__ import annotations

import pyarrow as pa

from schemas.base import Column, ForeignKey, TableSpec, not_blank, one_of, within
from schemas.vocab import Kind

CODE = pa.struct([pa.field("system", pa.string()), pa.field("code", pa.string())])

VIDEO_ATTRIBUTES = TableSpec(
    name="video_attributes",
    version=2,
    meaning="concepts and phrases that are affirmed somewhere in a source video, with their support",
    columns=(
        Column(name="video_id", type=pa.string(), meaning="source video"),
        Column(name="kind", type=pa.string(), meaning="kind of attribute"),
        Column(
            name="concept_id",
            type=pa.string(),
            meaning="<kind>:<slug> in the ontology; null for a phrase that names no concept of its kind",
            nullable=True,
        ),
        Column(
            name="label",
            type=pa.string(),
            meaning="preferred term of the concept; the tidied phrase where there is none",
        ),
        Column(name="clips", type=pa.int64(), meaning="number of narrations that affirm it"),
        Column(name="in_title", type=pa.bool_(), meaning="the published title affirms it"),
        Column(name="score", type=pa.float64(), meaning="highest score among its mentions, 0 to 1"),
        Column(
            name="codes",
            type=pa.list_(CODE),
            meaning="the concept's codes in other systems: ICD-10-CM, and those of the user's table",
        ),
    ),
    primary_key=("video_id", "kind", "label"),
    foreign_keys=(ForeignKey(column="video_id", parent="videos", parent_column="video_id"),),
    rules=(
        one_of("kind", list(Kind)),
        not_blank("label"),
        within("clips", 0),
        within("score", 0.0, 1.0),
    ),
)
