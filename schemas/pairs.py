"""Pairs without pixels: which span of which video goes with which text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from schemas.base import ForeignKey, TableSpec, matches, present_if, span, within
from schemas.columns import column
from schemas.vocab import Kind, Level, LicenceClass, Route, Split


@dataclass(frozen=True, kw_only=True)
class PairAttribute:
    """A concept or phrase that the text of a pair affirms or denies."""

    kind: Annotated[Kind, column("kind of attribute")]
    concept_id: Annotated[str | None, column("<kind>:<slug>; null for a phrase without concept")]
    label: Annotated[str, column("preferred term of the concept, or the normalised phrase")]
    negated: Annotated[bool, column("the text denies presence, use or performance")]


@dataclass(frozen=True, kw_only=True)
class PairColumns:
    """A clip with its narration, or a video with its title: the columns that `pairs` and `shards` share."""

    pair_id: Annotated[str, column("narration id at clip level, <video_id>-v at video level")]
    level: Annotated[Level, column("clip or video")]
    kind: Annotated[Route, column("narrated or silent source video")]
    video_id: Annotated[str, column("source video")]
    channel_id: Annotated[str | None, column("publisher, where known")]
    start_s: Annotated[float, column("start of the clip or video", unit="s")]
    end_s: Annotated[float, column("end, not included", unit="s")]
    text: Annotated[str | None, column("narration of the clip; null at video level")]
    title: Annotated[
        str | None, column("structured title of the source video; null where nothing is known")
    ]
    narrations: Annotated[
        Sequence[str], column("at video level, the texts of its clips in time order; else empty")
    ]
    attributes: Annotated[
        Sequence[PairAttribute],
        column("concepts found in the narration (clip) or gathered over the video"),
    ]
    confidence: Annotated[float, column("how far the text can be trusted, 0 to 1")]
    split: Annotated[Split, column("train, val or test, by source video")]
    licence_class: Annotated[LicenceClass, column("what the source's licence allows")]


@dataclass(frozen=True, kw_only=True)
class PairRow(PairColumns):
    """A pair and the times of its frames."""

    frame_times_s: Annotated[
        Sequence[float], column("times of the frames that show the pair", unit="s")
    ]


PAIR_RULES = (
    matches("pair_id"),
    matches("video_id"),
    span(),
    within("confidence", 0.0, 1.0),
    present_if("text", "level", Level.CLIP),
)


PAIRS = TableSpec(
    name="pairs",
    version=1,
    meaning="clip-narration pairs, video-title pairs and silent videos, with the times of their frames",
    row=PairRow,
    primary_key=("pair_id",),
    foreign_keys=(ForeignKey(column="video_id", parent="media", parent_column="video_id"),),
    rules=PAIR_RULES,
)
