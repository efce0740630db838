"""Narrations: sentences of the transcript, merged and capped to the length of a clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from schemas.base import ForeignKey, TableSpec, matches, not_blank, span, within
from schemas.columns import column


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """`text[start:end] == before` became `after`, by `rule`."""

    start: Annotated[int, column("first character in the text", unit="characters")]
    end: Annotated[int, column("end, not included", unit="characters")]
    before: Annotated[str, column("the words that were replaced", name="from")]
    after: Annotated[str, column("the words that replace them", name="to")]
    rule: Annotated[str, column("rule that made the edit")]
    score: Annotated[float, column("how sure it is, 0 to 1")]


@dataclass(frozen=True, kw_only=True)
class NarrationRow:
    """A narration and the time span of its clip."""

    narration_id: Annotated[str, column("<video_id>-n<number>")]
    video_id: Annotated[str, column("source video")]
    start_s: Annotated[float, column("start of the clip", unit="s")]
    end_s: Annotated[float, column("end, not included", unit="s")]
    text_asr: Annotated[str, column("text as recognised")]
    text: Annotated[
        str, column("text for training: as recognised, corrected and without disfluencies")
    ]
    edits: Annotated[
        Sequence[Edit],
        column("all changes that turn text_asr into text, in order; leave one out to undo it"),
    ]
    descriptive_score: Annotated[
        float, column("how far it describes what is done and seen in the eye, 0 to 1")
    ]
    confidence: Annotated[float, column("mean probability of its words, 0 to 1")]


NARRATIONS = TableSpec(
    name="narrations",
    version=2,
    meaning="narrations with the time span of their clip",
    row=NarrationRow,
    primary_key=("narration_id",),
    foreign_keys=(ForeignKey(column="video_id", parent="videos", parent_column="video_id"),),
    rules=(
        matches("narration_id"),
        span(),
        not_blank("text"),
        within("descriptive_score", 0.0, 1.0),
        within("confidence", 0.0, 1.0),
    ),
)
