"""Readings of the toolkit that reviewers judged wrong, so that no rebuild brings them back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from schemas.base import ForeignKey, TableSpec, matches, not_blank
from schemas.columns import column
from schemas.vocab import Kind, Target


@dataclass(frozen=True, kw_only=True)
class OverrideRow:
    """A reading that a reviewer judged wrong, with the words around it."""

    override_id: Annotated[str, column("<video_id>-o<number>")]
    video_id: Annotated[str, column("source video")]
    target: Annotated[Target, column("what was judged")]
    kind: Annotated[Kind | None, column("kind of the attribute; null for edits and narrations")]
    before: Annotated[str, column("up to two words before those that were read")]
    surface: Annotated[
        str, column("the words that were read, folded: of a narration, all of text_asr")
    ]
    after: Annotated[str, column("up to two words after those that were read")]
    value: Annotated[
        str,
        column(
            "the wrong reading: an edit's words, an attribute's label with 'no' or 'if' where it is "
            "negated or hypothetical, how a narration was read"
        ),
    ]


OVERRIDES = TableSpec(
    name="overrides",
    version=2,
    meaning="readings that reviewers judged wrong, identified by their words and the words around them",
    row=OverrideRow,
    primary_key=("override_id",),
    foreign_keys=(ForeignKey(column="video_id", parent="videos", parent_column="video_id"),),
    rules=(
        matches("override_id"),
        not_blank("surface"),
    ),
)
