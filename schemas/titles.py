"""Structured titles: what a source video shows, in fields and in one searchable sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from schemas.base import ForeignKey, TableSpec
from schemas.columns import column
from schemas.vocab import Eye, Surgical


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Why a field of the title has a value: the words, and the column they stand in."""

    field: Annotated[str, column("field of the title")]
    value: Annotated[str, column("value of that field")]
    text_column: Annotated[
        str, column("column of `publications` or `narrations` that holds the words")
    ]
    surface: Annotated[str, column("the words as they stand in the text")]


@dataclass(frozen=True, kw_only=True)
class TitleRow:
    """The structured title of one source video."""

    video_id: Annotated[str, column("source video")]
    raw_title: Annotated[str, column("title as published")]
    title: Annotated[str | None, column("structured title; null where no field is known")]
    is_surgical: Annotated[Surgical, column("yes, no or unknown")]
    surgery: Annotated[Sequence[str], column("procedures, preferred terms")]
    condition: Annotated[Sequence[str], column("diseases and complications, preferred terms")]
    technique: Annotated[
        Sequence[str],
        column("steps and variants of them, with dyes and tamponades, preferred terms"),
    ]
    device: Annotated[
        Sequence[str],
        column("tools and implants, and drugs that are the point of an injection, preferred terms"),
    ]
    eye: Annotated[Eye | None, column("right, left or both; null where it is not said")]
    evidence: Annotated[
        Sequence[Evidence], column("the words that each field and the verdict rest on")
    ]


TITLES = TableSpec(
    name="titles",
    version=1,
    meaning="structured title of each source video",
    row=TitleRow,
    primary_key=("video_id",),
    foreign_keys=(ForeignKey(column="video_id", parent="videos", parent_column="video_id"),),
)
