"""Concepts and phrases found in texts, each with the span that is its evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from schemas.base import ForeignKey, TableSpec, matches, not_blank, span, within
from schemas.columns import column
from schemas.vocab import Kind, TextColumn


@dataclass(frozen=True, kw_only=True)
class AttributeRow:
    """A concept or phrase in one text, with the span that is its evidence."""

    attribute_id: Annotated[
        str,
        column(
            "<narration_id>-a<number>; <video_id>-ta<number> in titles, -da<number> in descriptions"
        ),
    ]
    video_id: Annotated[str, column("source video")]
    text_id: Annotated[str, column("narration_id, or video_id for a title or description")]
    text_column: Annotated[TextColumn, column("column that was read: text, title or description")]
    kind: Annotated[Kind, column("kind of attribute")]
    concept_id: Annotated[
        str | None,
        column(
            "<kind>:<slug> in the ontology; null for a phrase that names no concept of its kind"
        ),
    ]
    label: Annotated[
        str, column("preferred term of the concept; the normalised phrase where there is none")
    ]
    surface: Annotated[str, column("the words as they stand in the text")]
    start: Annotated[int, column("first character", unit="characters")]
    end: Annotated[int, column("end, not included", unit="characters")]
    linked: Annotated[
        Sequence[str],
        column("ids of the concepts inside a phrase, in their order; empty for a term"),
    ]
    negated: Annotated[bool, column("the text denies presence, use or performance")]
    hypothetical: Annotated[bool, column("the text speaks of what may happen or is to be avoided")]
    score: Annotated[float, column("how sure the reading of the words is, 0 to 1")]
    source: Annotated[str, column("origin of the match: ontology (a term) or rules (a phrase)")]


ATTRIBUTES = TableSpec(
    name="attributes",
    version=2,
    meaning="concepts and phrases found in narrations, titles and descriptions, with their evidence",
    row=AttributeRow,
    primary_key=("attribute_id",),
    foreign_keys=(ForeignKey(column="video_id", parent="videos", parent_column="video_id"),),
    rules=(
        matches("attribute_id"),
        not_blank("label"),
        not_blank("surface"),
        span("start", "end"),
        within("score", 0.0, 1.0),
    ),
)
