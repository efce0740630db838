"""Concepts and phrases found in texts, each with the span that is its evidence."""

from __future__ import annotations

import pyarrow as pa

from schemas.base import Column, ForeignKey, TableSpec, matches, not_blank, one_of, span, within
from schemas.vocab import Kind, TextColumn

ATTRIBUTES = TableSpec(
    name="attributes",
    version=2,
    meaning="concepts and phrases found in narrations, titles and descriptions, with their evidence",
    columns=(
        Column(
            name="attribute_id",
            type=pa.string(),
            meaning="<narration_id>-a<number>; <video_id>-ta<number> in titles, -da<number> in descriptions",
        ),
        Column(name="video_id", type=pa.string(), meaning="source video"),
        Column(
            name="text_id",
            type=pa.string(),
            meaning="narration_id, or video_id for a title or description",
        ),
        Column(
            name="text_column",
            type=pa.string(),
            meaning="column that was read: text, title or description",
        ),
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
        Column(name="surface", type=pa.string(), meaning="the words as they stand in the text"),
        Column(name="start", type=pa.int64(), meaning="first character", unit="characters"),
        Column(name="end", type=pa.int64(), meaning="end, not included", unit="characters"),
        Column(
            name="linked",
            type=pa.list_(pa.string()),
            meaning="ids of the concepts inside a phrase, in their order; empty for a term",
        ),
        Column(
            name="negated", type=pa.bool_(), meaning="the text denies presence, use or performance"
        ),
        Column(
            name="hypothetical",
            type=pa.bool_(),
            meaning="the text speaks of what may happen or is to be avoided",
        ),
        Column(
            name="score", type=pa.float64(), meaning="how sure the reading of the words is, 0 to 1"
        ),
        Column(
            name="source",
            type=pa.string(),
            meaning="what found it: ontology (a term) or rules (a phrase)",
        ),
    ),
    primary_key=("attribute_id",),
    foreign_keys=(ForeignKey(column="video_id", parent="videos", parent_column="video_id"),),
    rules=(
        matches("attribute_id"),
        one_of("text_column", list(TextColumn)),
        one_of("kind", list(Kind)),
        not_blank("label"),
        not_blank("surface"),
        span("start", "end"),
        within("score", 0.0, 1.0),
    ),
)
