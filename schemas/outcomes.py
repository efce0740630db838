"""What is missing and why.

Drops are decisions with a reason, failures are accidents with a kind, warnings tell what a kept video lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from schemas.base import TableSpec, within
from schemas.columns import column
from schemas.vocab import DropReason, FailureKind, WarningKind


@dataclass(frozen=True, kw_only=True)
class DroppedRow:
    """A video, or a row of one, that a stage decided against."""

    row_id: Annotated[str, column("what was dropped: a video or one of its rows")]
    unit: Annotated[str, column("source video that it belongs to")]
    stage: Annotated[str, column("stage that decided")]
    reason: Annotated[DropReason, column("reason, from the closed set")]
    message: Annotated[str, column("details of the decision")]


DROPPED = TableSpec(
    name="dropped",
    version=1,
    meaning="videos and rows that a stage decided against",
    row=DroppedRow,
    primary_key=("stage", "row_id"),
)


@dataclass(frozen=True, kw_only=True)
class WarningRow:
    """Something that a source line or a video lost, or that was mended in it; it is kept."""

    unit: Annotated[str, column("source line or source video")]
    stage: Annotated[str, column("stage that noticed")]
    kind: Annotated[WarningKind, column("kind, from the closed set")]
    item: Annotated[str, column("what it is about: the video, or the name of a file")]
    message: Annotated[str, column("what happened, and what to do if it matters")]


WARNINGS = TableSpec(
    name="warnings",
    version=1,
    meaning="what source lines and videos that are kept have lost, or what was mended in them",
    row=WarningRow,
    primary_key=("stage", "unit", "kind", "item"),
)


@dataclass(frozen=True, kw_only=True)
class FailureRow:
    """The latest failure of one source line or video in one stage."""

    unit: Annotated[str, column("source line or source video")]
    stage: Annotated[str, column("stage that failed")]
    kind: Annotated[FailureKind, column("kind, from the closed set")]
    message: Annotated[str, column("what happened, which item, what to do next")]
    attempt: Annotated[int, column("how often it was tried")]
    failed_at: Annotated[datetime, column("when it was tried last")]


FAILURES = TableSpec(
    name="failures",
    version=1,
    meaning="source lines and videos that could not be processed, by their latest attempt",
    row=FailureRow,
    primary_key=("stage", "unit"),
    rules=(within("attempt", 1),),
)
