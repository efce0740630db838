"""Concepts and phrases of each source video, gathered from its narrations, title and description."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from schemas.base import ForeignKey, TableSpec, not_blank, within
from schemas.columns import column
from schemas.vocab import Kind


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """A code in a system of codes."""

    system: Annotated[str, column("name of the system, such as ICD-10-CM")]
    code: Annotated[str, column("code in that system")]


@dataclass(frozen=True, kw_only=True)
class VideoAttributeRow:
    """A concept or phrase that some text of one source video affirms."""

    video_id: Annotated[str, column("source video")]
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
    clips: Annotated[int, column("number of narrations that affirm it")]
    in_title: Annotated[bool, column("the published title affirms it")]
    score: Annotated[float, column("highest score among its mentions, 0 to 1")]
    codes: Annotated[
        Sequence[Code],
        column("the concept's codes in other systems: ICD-10-CM, and those of the user's table"),
    ]


VIDEO_ATTRIBUTES = TableSpec(
    name="video_attributes",
    version=2,
    meaning="concepts and phrases that are affirmed somewhere in a source video, with their support",
    row=VideoAttributeRow,
    primary_key=("video_id", "kind", "label"),
    foreign_keys=(ForeignKey(column="video_id", parent="videos", parent_column="video_id"),),
    rules=(
        not_blank("label"),
        within("clips", 0),
        within("score", 0.0, 1.0),
    ),
)
