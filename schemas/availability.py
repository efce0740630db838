"""Whether source videos are still available: one row a check, never changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from schemas.base import ForeignKey, TableSpec, one_of
from schemas.columns import column
from schemas.vocab import FailureKind


@dataclass(frozen=True, kw_only=True)
class AvailabilityRow:
    """One check of one source video."""

    video_id: Annotated[str, column("source video")]
    checked_at: Annotated[datetime, column("time of the check")]
    state: Annotated[str, column("available, or the kind of failure")]
    licence: Annotated[str | None, column("licence as published at that time")]
    message: Annotated[str, column("message of the downloader; empty for an available video")]


AVAILABILITY = TableSpec(
    name="availability",
    version=1,
    meaning="checks of whether a source video is still available; no stage reads them",
    row=AvailabilityRow,
    primary_key=("video_id", "checked_at"),
    foreign_keys=(ForeignKey(column="video_id", parent="videos", parent_column="video_id"),),
    rules=(one_of("state", ["available", *FailureKind]),),
)
