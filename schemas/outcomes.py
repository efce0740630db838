"""What did not come through: drops are decisions with a reason, failures are accidents with a kind."""

from __future__ import annotations

import pyarrow as pa

from schemas.base import Column, TableSpec, one_of, within
from schemas.vocab import DropReason, FailureKind

DROPPED = TableSpec(
    name="dropped",
    version=1,
    meaning="units and rows that were decided out",
    columns=(
        Column(
            name="row_id", type=pa.string(), meaning="what was dropped: a video or one of its rows"
        ),
        Column(name="unit", type=pa.string(), meaning="source video that it belongs to"),
        Column(name="stage", type=pa.string(), meaning="stage that decided"),
        Column(name="reason", type=pa.string(), meaning="reason, from the closed set"),
        Column(name="message", type=pa.string(), meaning="the particulars"),
    ),
    primary_key=("stage", "row_id"),
    rules=(one_of("reason", list(DropReason)),),
)

FAILURES = TableSpec(
    name="failures",
    version=1,
    meaning="source lines and videos that could not be processed, by their latest attempt",
    columns=(
        Column(name="unit", type=pa.string(), meaning="source line or source video"),
        Column(name="stage", type=pa.string(), meaning="stage that failed"),
        Column(name="kind", type=pa.string(), meaning="kind, from the closed set"),
        Column(
            name="message", type=pa.string(), meaning="what happened, which item, what to do next"
        ),
        Column(name="attempt", type=pa.int64(), meaning="how often it was tried"),
        Column(
            name="failed_at", type=pa.timestamp("ms", tz="UTC"), meaning="when it was tried last"
        ),
    ),
    primary_key=("stage", "unit"),
    rules=(one_of("kind", list(FailureKind)), within("attempt", 1)),
)
