"""Narrations in the words of a language model, where it added nothing to the narration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from schemas.base import ForeignKey, TableSpec, not_blank
from schemas.columns import column
from schemas.vocab import RewriteOutcome


@dataclass(frozen=True, kw_only=True)
class RewriteRow:
    """One narration as the language model rewrote it, or why that was refused."""

    narration_id: Annotated[str, column("narration that was rewritten")]
    video_id: Annotated[str, column("source video")]
    outcome: Annotated[RewriteOutcome, column("accepted, or why not")]
    text: Annotated[str | None, column("the rewritten text; null unless accepted")]
    added: Annotated[
        Sequence[str], column("what the refused rewrite holds that the narration does not")
    ]
    model: Annotated[str, column("name of the language model")]


REWRITES = TableSpec(
    name="rewrites",
    version=1,
    meaning="narrations rewritten by a language model, or why a rewrite was refused",
    row=RewriteRow,
    primary_key=("narration_id",),
    foreign_keys=(
        ForeignKey(column="narration_id", parent="narrations", parent_column="narration_id"),
        ForeignKey(column="video_id", parent="videos", parent_column="video_id"),
    ),
    rules=(not_blank("text"),),
)
