"""The lines of the source lists, and what became of each."""

from __future__ import annotations

import pyarrow as pa

from schemas.base import Column, TableSpec, matches, one_of, within
from schemas.vocab import Outcome

SOURCES = TableSpec(
    name="sources",
    version=2,
    meaning="lines of the source lists that were asked; those of a list that are not here are pending",
    columns=(
        Column(
            name="line_id", type=pa.string(), meaning="line_<16 hex of list path and line text>"
        ),
        Column(name="list_path", type=pa.string(), meaning="the list that holds the line"),
        Column(name="line_number", type=pa.int64(), meaning="place in the list, from 1"),
        Column(name="text", type=pa.string(), meaning="the line as written, trimmed"),
        Column(
            name="outcome",
            type=pa.string(),
            meaning="expanded, failed or folded into an earlier line",
        ),
        Column(name="units", type=pa.int64(), meaning="source videos that the line added"),
        Column(
            name="folded_videos",
            type=pa.list_(pa.string()),
            meaning="ids of source videos that it leads to and that another line had added",
        ),
    ),
    primary_key=("line_id",),
    rules=(
        matches("line_id"),
        within("line_number", 1),
        within("units", 0),
        one_of("outcome", list(Outcome)),
    ),
)
