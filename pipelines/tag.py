"""Stage tag: narrations, titles and descriptions -> attributes, video_attributes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ophvl.ids import child_id
from ophvl.ontology import Register
from ophvl.stage import StageResult
from ophvl.text.matching import Matcher
from ophvl.text.negation import Assertion, judge
from pipelines.config import TagConfig
from schemas.vocab import Kind, TextColumn

if TYPE_CHECKING:
    import pyarrow as pa

_SOURCE = "ontology"


@dataclass(frozen=True, kw_only=True)
class AttributeRow:
    attribute_id: str
    video_id: str
    text_id: str
    text_column: str
    kind: str
    concept_id: str
    label: str
    surface: str
    start: int
    end: int
    negated: bool
    hypothetical: bool
    score: float
    source: str = _SOURCE


@dataclass(frozen=True, kw_only=True)
class VideoAttributeRow:
    video_id: str
    kind: str
    concept_id: str
    label: str
    clips: int
    in_title: bool
    score: float


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
    videos: pa.Table, narrations: pa.Table, *, config: TagConfig, matcher: Matcher
) -> StageResult:
    """Find the ontology's concepts in every text of one video, and gather those that are affirmed."""
    from schemas.attributes import ATTRIBUTES
    from schemas.video_attributes import VIDEO_ATTRIBUTES

    rows = [row for text in _texts(videos, narrations) for row in _attributes(text, matcher)]
    return StageResult(
        tables={
            "attributes": ATTRIBUTES.table(rows),
            "video_attributes": VIDEO_ATTRIBUTES.table(_gather(rows)),
        }
    )


def _texts(videos: pa.Table, narrations: pa.Table) -> Iterator[_Text]:
    for row in narrations.select(["video_id", "narration_id", "text"]).to_pylist():
        yield _Text(
            video_id=row["video_id"],
            text_id=row["narration_id"],
            column=TextColumn.TEXT,
            letters="a",
            text=row["text"],
        )
    for row in videos.select(["video_id", "title", "description"]).to_pylist():
        for column, letters in ((TextColumn.TITLE, "ta"), (TextColumn.DESCRIPTION, "da")):
            yield _Text(
                video_id=row["video_id"],
                text_id=row["video_id"],
                column=column,
                letters=letters,
                text=row[column] or "",
            )


def _attributes(text: _Text, matcher: Matcher) -> Iterator[AttributeRow]:
    found = matcher.find(text.text, register=text.register)
    for number, (match, said) in enumerate(zip(found, judge(found, text.text), strict=True)):
        yield AttributeRow(
            attribute_id=child_id(text.text_id, text.letters, number),
            video_id=text.video_id,
            text_id=text.text_id,
            text_column=text.column,
            kind=match.kind,
            concept_id=match.concept_id,
            label=match.label,
            surface=match.surface,
            start=match.start,
            end=match.end,
            negated=said is Assertion.NEGATED,
            hypothetical=said is Assertion.HYPOTHETICAL,
            score=match.score,
        )


def _gather(rows: Sequence[AttributeRow]) -> list[VideoAttributeRow]:
    """One row for each concept of a video that some text affirms."""
    mentions: dict[tuple[str, Kind, str], list[AttributeRow]] = defaultdict(list)
    for row in rows:
        if not (row.negated or row.hypothetical):
            mentions[row.video_id, Kind(row.kind), row.concept_id].append(row)
    return [
        VideoAttributeRow(
            video_id=video_id,
            kind=kind,
            concept_id=concept_id,
            label=found[0].label,
            clips=len({row.text_id for row in found if row.text_column == TextColumn.TEXT}),
            in_title=any(row.text_column == TextColumn.TITLE for row in found),
            score=max(row.score for row in found),
        )
        for (video_id, kind, concept_id), found in sorted(mentions.items())
    ]
