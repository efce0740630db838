"""Structured titles: what a source video shows, in fields and in one searchable sentence."""

from __future__ import annotations

import pyarrow as pa

from schemas.base import Column, ForeignKey, TableSpec, one_of
from schemas.vocab import Eye, Surgical

EVIDENCE = pa.struct(
    [
        pa.field("field", pa.string()),
        pa.field("value", pa.string()),
        pa.field("text_column", pa.string()),
        pa.field("surface", pa.string()),
    ]
)
"""One reason for one field's value: the words, and the column of `videos` or `narrations` they stand in."""

TITLES = TableSpec(
    name="titles",
    version=1,
    meaning="structured title of each source video",
    columns=(
        Column(name="video_id", type=pa.string(), meaning="source video"),
        Column(name="raw_title", type=pa.string(), meaning="title as published"),
        Column(
            name="title",
            type=pa.string(),
            meaning="structured title; null where no field is known",
            nullable=True,
        ),
        Column(name="is_surgical", type=pa.string(), meaning="yes, no or unknown"),
        Column(name="surgery", type=pa.list_(pa.string()), meaning="procedures, preferred terms"),
        Column(
            name="condition",
            type=pa.list_(pa.string()),
            meaning="diseases and complications, preferred terms",
        ),
        Column(
            name="technique",
            type=pa.list_(pa.string()),
            meaning="steps and variants of them, with dyes and tamponades, preferred terms",
        ),
        Column(
            name="device",
            type=pa.list_(pa.string()),
            meaning="tools and implants, and drugs that are the point of an injection, preferred terms",
        ),
        Column(
            name="eye",
            type=pa.string(),
            meaning="right, left or both; null where it is not said",
            nullable=True,
        ),
        Column(
            name="evidence",
            type=pa.list_(EVIDENCE),
            meaning="the words that each field and the verdict rest on",
        ),
    ),
    primary_key=("video_id",),
    foreign_keys=(ForeignKey(column="video_id", parent="videos", parent_column="video_id"),),
    rules=(one_of("is_surgical", list(Surgical)), one_of("eye", list(Eye))),
)
