"""Ground truth for evaluation. It never enters the shards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from schemas.base import TableSpec, matches, not_blank, span
from schemas.columns import column
from schemas.vocab import Task


@dataclass(frozen=True, kw_only=True)
class LabelRow:
    """A class that holds during one span of one video."""

    video_id: Annotated[str, column("source video")]
    start_s: Annotated[float, column("start of the span", unit="s")]
    end_s: Annotated[float, column("end, not included", unit="s")]
    task: Annotated[Task, column("phase, instrument or surgery")]
    class_: Annotated[str, column("class in the spelling of its source", name="class")]
    source: Annotated[str, column("origin of the label: dataset, annotator or renderer")]


LABELS = TableSpec(
    name="labels",
    version=1,
    meaning="ground truth: during this span of this video, this class holds",
    row=LabelRow,
    primary_key=("video_id", "task", "class", "start_s"),
    rules=(matches("video_id"), not_blank("class"), span()),
)
