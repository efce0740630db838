"""The lines of the source lists, and the outcome of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from schemas.base import TableSpec, matches, within
from schemas.columns import column
from schemas.vocab import Outcome


@dataclass(frozen=True, kw_only=True)
class SourceRow:
    """A line of a source list that was processed."""

    line_id: Annotated[str, column("line_<16 hex of list path and line text>")]
    list_path: Annotated[str, column("path of the list that holds the line")]
    line_number: Annotated[int, column("position in the list, from 1")]
    text: Annotated[str, column("the line as written, trimmed")]
    outcome: Annotated[Outcome, column("expanded or failed, the last time it was tried")]


SOURCES = TableSpec(
    name="sources",
    version=3,
    meaning="lines of the source lists that were processed; lines of a list that are not here are pending",
    row=SourceRow,
    primary_key=("line_id",),
    rules=(
        matches("line_id"),
        within("line_number", 1),
    ),
)
