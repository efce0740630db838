"""Ground truth of the rendered videos: phase and instrument spans, taken from their plans."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from demo.plan import VideoPlan
from schemas.labels import LABELS, LabelRow
from schemas.vocab import Task


def video_id_of(path: Path) -> str:
    """Return the id of a local file: it depends on its content alone."""
    return f"file_{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"


def label_rows(plan: VideoPlan, video_id: str) -> list[LabelRow]:
    """Return the phase and instrument rows of one video; idle views have none."""

    def row(task: Task, name: str, start_s: float, end_s: float) -> LabelRow:
        return LabelRow(
            video_id=video_id,
            start_s=round(start_s, 3),
            end_s=round(end_s, 3),
            task=task,
            class_=name,
            source=f"demo renderer seed {plan.seed}",
        )

    phases = [
        row(Task.PHASE, step.phase, step.start_s, step.end_s)
        for step in plan.steps
        if step.phase is not None
    ]
    instruments = [
        row(Task.INSTRUMENT, span.instrument, span.start_s, span.end_s)
        for span in plan.instruments()
    ]
    return phases + instruments


def label_table(rows: Sequence[LabelRow]) -> pa.Table:
    """Convert the rows to a table of the labels schema, in the order of its key."""
    ordered = sorted(rows, key=lambda row: (row.video_id, row.task, row.class_, row.start_s))
    return LABELS.table(ordered)


def write_labels(rows: Sequence[LabelRow], path: Path) -> None:
    """Check the rows against the schema and write them.

    Raises:
        ValueError: they break the schema.
    """
    table = label_table(rows)
    violations = LABELS.check(table)
    if violations:
        raise ValueError(f"labels break their schema: {'; '.join(map(str, violations))}")
    pq.write_table(table, path, compression="zstd")
