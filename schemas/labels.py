"""Ground truth for evaluation. It never enters the shards."""

from __future__ import annotations

import pyarrow as pa

from schemas.base import Column, TableSpec, matches, not_blank, one_of, span
from schemas.vocab import Task

LABELS = TableSpec(
    name="labels",
    version=1,
    meaning="ground truth: during this span of this video, this class holds",
    columns=(
        Column(name="video_id", type=pa.string(), meaning="source video"),
        Column(name="start_s", type=pa.float64(), meaning="start of the span", unit="s"),
        Column(name="end_s", type=pa.float64(), meaning="end, not included", unit="s"),
        Column(name="task", type=pa.string(), meaning="phase, instrument or surgery"),
        Column(name="class", type=pa.string(), meaning="class in the spelling of its source"),
        Column(
            name="source", type=pa.string(), meaning="who says so: dataset, annotator or renderer"
        ),
    ),
    primary_key=("video_id", "task", "class", "start_s"),
    rules=(matches("video_id"), one_of("task", list(Task)), not_blank("class"), span()),
)
