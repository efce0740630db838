"""Narrations in the words of a language model, where it kept to what was said."""

from __future__ import annotations

import pyarrow as pa

from schemas.base import Column, ForeignKey, TableSpec, not_blank, one_of
from schemas.vocab import RewriteOutcome

REWRITES = TableSpec(
    name="rewrites",
    version=1,
    meaning="narrations rewritten by a language model, or why a rewrite was refused",
    columns=(
        Column(name="narration_id", type=pa.string(), meaning="narration that was rewritten"),
        Column(name="video_id", type=pa.string(), meaning="source video"),
        Column(name="outcome", type=pa.string(), meaning="accepted, or why not"),
        Column(
            name="text",
            type=pa.string(),
            meaning="the rewritten text; null unless accepted",
            nullable=True,
        ),
        Column(
            name="added",
            type=pa.list_(pa.string()),
            meaning="what the refused rewrite holds that the narration does not",
        ),
        Column(name="model", type=pa.string(), meaning="name of the language model"),
    ),
    primary_key=("narration_id",),
    foreign_keys=(
        ForeignKey(column="narration_id", parent="narrations", parent_column="narration_id"),
        ForeignKey(column="video_id", parent="videos", parent_column="video_id"),
    ),
    rules=(one_of("outcome", list(RewriteOutcome)), not_blank("text")),
)
