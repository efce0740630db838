"""Stage tag: narrations, titles, descriptions and overrides -> attributes, video_attributes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from ophvl.config import SavedPath, Settings
from ophvl.dataset.overrides import Judged, attribute_value
from ophvl.ids import child_id
from ophvl.ontology import Register
from ophvl.ontology.codes import Codes
from ophvl.stage import Scope, StageResult, StageSpec
from ophvl.text.concepts.assertion import Assertion
from ophvl.text.concepts.tagging import Tagger
from schemas.attributes import ATTRIBUTES, AttributeRow
from schemas.columns import column_names
from schemas.overrides import OverrideRow
from schemas.video_attributes import VIDEO_ATTRIBUTES, VideoAttributeRow
from schemas.vocab import Kind, Target, TextColumn

if TYPE_CHECKING:
    import pyarrow as pa


class TagConfig(Settings):
    """Settings of stage tag."""

    codes: SavedPath | None = Field(
        None,
        description="Table of codes of other systems for the ontology's concepts: concept_id, system, code; "
        "tab-separated.",
    )


@dataclass(frozen=True, kw_only=True)
class _Text:
    """A text to read, and the letters that its attributes' ids carry."""

    video_id: str
    text_id: str
    column: TextColumn
    letters: str
    text: str

    @property
    def register(self) -> Register:
        return Register.TEXT if self.column is TextColumn.TEXT else Register.TITLE


def tag(
    publications: pa.Table,
    narrations: pa.Table,
    overrides: pa.Table,
    *,
    config: TagConfig,
    tagger: Tagger,
    codes: Codes,
) -> StageResult:
    """Find concepts and phrases in every text of one video, and gather those that are affirmed.

    Attributes that reviewers judged wrong are left out.
    """
    judged = Judged(overrides.to_pylist(), Target.ATTRIBUTE)
    rows = [
        row
        for text in _texts(publications, narrations)
        for row in _attributes(text, tagger)
        if not _is_wrong(judged, text.text, row)
    ]
    return StageResult(
        tables={
            "attributes": ATTRIBUTES.table(rows),
            "video_attributes": VIDEO_ATTRIBUTES.table(_gather(rows, codes)),
        },
        dropped=judged.drops(),
    )


def _is_wrong(judged: Judged, text: str, row: AttributeRow) -> bool:
    return judged.is_wrong(
        text,
        target=Target.ATTRIBUTE,
        kind=row.kind,
        start=row.start,
        end=row.end,
        value=attribute_value(row.label, negated=row.negated, hypothetical=row.hypothetical),
    )


def _texts(publications: pa.Table, narrations: pa.Table) -> Iterator[_Text]:
    for row in narrations.select(["video_id", "narration_id", "text"]).to_pylist():
        yield _Text(
            video_id=row["video_id"],
            text_id=row["narration_id"],
            column=TextColumn.TEXT,
            letters="a",
            text=row["text"],
        )
    for row in publications.select(["video_id", "title", "description"]).to_pylist():
        for column, letters in ((TextColumn.TITLE, "ta"), (TextColumn.DESCRIPTION, "da")):
            yield _Text(
                video_id=row["video_id"],
                text_id=row["video_id"],
                column=column,
                letters=letters,
                text=row[column] or "",
            )


def _attributes(text: _Text, tagger: Tagger) -> Iterator[AttributeRow]:
    for number, attribute in enumerate(tagger.tag(text.text, register=text.register)):
        yield AttributeRow(
            attribute_id=child_id(text.text_id, text.letters, number),
            video_id=text.video_id,
            text_id=text.text_id,
            text_column=text.column,
            kind=attribute.kind,
            concept_id=attribute.concept_id,
            label=attribute.label,
            surface=attribute.surface,
            start=attribute.start,
            end=attribute.end,
            linked=attribute.linked,
            negated=attribute.assertion is Assertion.NEGATED,
            hypothetical=attribute.assertion is Assertion.HYPOTHETICAL,
            score=attribute.score,
            source=attribute.source,
        )


def _gather(rows: Sequence[AttributeRow], codes: Codes) -> list[VideoAttributeRow]:
    """Return one row for each concept, or phrase without one, that some text of a video affirms."""
    mentions: dict[tuple[str, Kind, str], list[AttributeRow]] = defaultdict(list)
    for row in rows:
        if not (row.negated or row.hypothetical):
            mentions[row.video_id, row.kind, row.label].append(row)
    return [
        VideoAttributeRow(
            video_id=video_id,
            kind=kind,
            concept_id=affirmed[0].concept_id,
            label=label,
            clips=len({row.text_id for row in affirmed if row.text_column is TextColumn.TEXT}),
            in_title=any(row.text_column is TextColumn.TITLE for row in affirmed),
            score=max(row.score for row in affirmed),
            codes=codes.of(affirmed[0].concept_id),
        )
        for (video_id, kind, label), affirmed in sorted(mentions.items())
    ]


STAGE = StageSpec(
    name="tag",
    version=6,
    scope=Scope.UNIT,
    run=tag,
    settings=TagConfig,
    help="find surgical concepts and phrases in narrations, titles and descriptions",
    reads={
        "publications": ("video_id", "title", "description"),
        "narrations": ("narration_id", "video_id", "text"),
        "overrides": column_names(OverrideRow),
    },
    writes=("attributes", "video_attributes"),
    ports={"tagger": "pipelines.wiring:tagger", "codes": "pipelines.wiring:codes"},
)
