"""Stage title: publications, attributes, video_attributes -> titles. Drops videos that are not surgery.

Titles, descriptions and narrations come with their concepts; this stage matches those of chapters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from ophvl.config import Settings
from ophvl.stage import Drop, Scope, StageResult, StageSpec
from ophvl.text.concepts.matching import Match, Matcher
from ophvl.text.concepts.tagging import ONTOLOGY
from ophvl.text.titles.fields import TaggedText
from ophvl.text.titles.structure import GatheredConcept, StructuredTitle, structure, tagged_text
from schemas.titles import TITLES, TitleRow
from schemas.vocab import DropReason, Kind, Surgical, TextColumn

if TYPE_CHECKING:
    import pyarrow as pa


class TitleConfig(Settings):
    """Settings of stage title."""

    assume_surgical: bool = Field(
        False, description="Keep videos whose title says that they are not surgery."
    )


@dataclass(frozen=True, kw_only=True)
class _Mention:
    """A concept that a text of one video affirms."""

    attribute_id: str
    column: TextColumn
    match: Match


def title(
    publications: pa.Table,
    attributes: pa.Table,
    video_attributes: pa.Table,
    *,
    config: TitleConfig,
    matcher: Matcher,
) -> StageResult:
    """Structure the title of each video; drop videos that are not surgical, but return their rows."""
    rows: list[TitleRow] = []
    dropped: list[Drop] = []
    for video in publications.to_pylist():
        video_id: str = video["video_id"]
        mentions = _affirmed(attributes, video_id)
        structured = structure(
            _text(TextColumn.TITLE, video["title"], mentions),
            _text(TextColumn.DESCRIPTION, video["description"] or "", mentions),
            matcher.ontology,
            chapters=[tagged_text("chapters", c["title"], matcher) for c in video["chapters"]],
            gathered=_gathered(mentions, video_attributes, video_id),
        )
        rows.append(_row(video_id, video["title"], structured))
        if structured.is_surgical is Surgical.NO and not config.assume_surgical:
            message = f"{structured.reason}; set title.assume_surgical to keep such videos"
            dropped.append(Drop(row_id=video_id, reason=DropReason.NOT_SURGICAL, message=message))
    return StageResult(tables={"titles": TITLES.table(rows)}, dropped=tuple(dropped))


def _affirmed(attributes: pa.Table, video_id: str) -> list[_Mention]:
    mentions = [
        _Mention(
            attribute_id=row["attribute_id"],
            column=TextColumn(row["text_column"]),
            match=Match(
                start=row["start"],
                end=row["end"],
                surface=row["surface"],
                concept_id=row["concept_id"],
                kind=Kind(row["kind"]),
                label=row["label"],
                score=row["score"],
            ),
        )
        for row in attributes.to_pylist()
        if row["video_id"] == video_id
        and row["source"] == ONTOLOGY  # phrases say in other words what the terms in them say
        and not (row["negated"] or row["hypothetical"])
    ]
    return sorted(mentions, key=lambda mention: mention.attribute_id)


def _text(column: TextColumn, text: str, mentions: Sequence[_Mention]) -> TaggedText:
    return TaggedText(
        column=column, text=text, matches=[m.match for m in mentions if m.column is column]
    )


def _gathered(
    mentions: Sequence[_Mention], video_attributes: pa.Table, video_id: str
) -> list[GatheredConcept]:
    """Return the video's concepts that narrations state, in the order of their first mention."""
    stated = [m.match.concept_id for m in mentions if m.column is TextColumn.TEXT]
    first = {concept_id: number for number, concept_id in reversed(list(enumerate(stated)))}
    rows = [
        row
        for row in video_attributes.to_pylist()
        if row["video_id"] == video_id and row["concept_id"] in first
    ]
    rows.sort(key=lambda row: first[row["concept_id"]])
    return [
        GatheredConcept(kind=Kind(row["kind"]), label=row["label"], clips=row["clips"])
        for row in rows
    ]


def _row(video_id: str, raw_title: str, structured: StructuredTitle) -> TitleRow:
    return TitleRow(
        video_id=video_id,
        raw_title=raw_title,
        title=structured.title,
        is_surgical=structured.is_surgical,
        surgery=structured.surgery,
        condition=structured.condition,
        technique=structured.technique,
        device=structured.device,
        eye=structured.eye,
        evidence=structured.evidence,
    )


STAGE = StageSpec(
    name="title",
    version=4,
    scope=Scope.UNIT,
    run=title,
    settings=TitleConfig,
    help="make one structured title of each messy one; drop videos that are not surgery",
    reads={
        "publications": ("video_id", "title", "description", "chapters"),
        "attributes": (
            "attribute_id",
            "video_id",
            "text_id",
            "text_column",
            "kind",
            "concept_id",
            "label",
            "surface",
            "start",
            "end",
            "negated",
            "hypothetical",
            "score",
            "source",
        ),
        "video_attributes": ("video_id", "kind", "concept_id", "label", "clips"),
    },
    writes=("titles",),
    ports={"matcher": "pipelines.wiring:matcher"},
)
