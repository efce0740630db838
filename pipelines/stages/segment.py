"""Stage segment: media, transcripts, overrides -> narrations.

Words become sentences, which are merged and cut to the length of a clip. Misrecognised words are corrected
and hesitations removed, each by an edit that can be undone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import fmean
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from ophvl.config import Settings, Unit
from ophvl.dataset.overrides import Judged
from ophvl.ids import child_id
from ophvl.stage import Drop, Scope, StageResult, StageSpec
from ophvl.text.concepts.tagging import Tagger
from ophvl.text.edits import apply
from ophvl.text.narration.descriptive import descriptive_score
from ophvl.text.narration.disfluencies import disfluency_edits
from ophvl.text.narration.sentences import SentenceSplitter
from schemas.columns import column_names
from schemas.guards import GUARDS, Guard
from schemas.narrations import NARRATIONS, Edit, NarrationRow
from schemas.overrides import OverrideRow
from schemas.vocab import DropReason, NarrationReading, Target

if TYPE_CHECKING:
    import pyarrow as pa

    from ophvl.text.correction.corrector import Corrector


class SegmentConfig(Settings):
    """Settings of stage segment."""

    min_clip_s: Annotated[float, Unit("s")] = Field(
        3.0, gt=0, description="Shorter narrations are merged with the next one."
    )
    max_clip_s: Annotated[float, Unit("s")] = Field(
        15.0, description="Longer narrations are cut at sentence borders."
    )
    max_gap_s: Annotated[float, Unit("s")] = Field(
        2.0, description="A silence of this length always ends a narration."
    )
    correct: bool = Field(
        True, description="Correct what the recogniser misheard, by the terms of the ontology."
    )
    masked_lm: str | None = Field(
        None,
        description="Masked language model that helps to judge corrections: a name on the model hub or a "
        "folder.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_clip_s > self.max_clip_s:
            raise ValueError("min_clip_s <= max_clip_s must hold")
        return self


@dataclass(frozen=True, kw_only=True)
class TimedWord:
    """One word of the transcript."""

    text: str
    start_s: float
    end_s: float
    probability: float


_SHOWN_CHARACTERS = 60

WordSpan = Sequence[TimedWord]
"""Consecutive words: a sentence, a slice of one, or several sentences."""


def segment(
    media: pa.Table,
    transcripts: pa.Table,
    overrides: pa.Table,
    *,
    config: SegmentConfig,
    sentences: SentenceSplitter,
    corrector: Corrector,
    tagger: Tagger,
) -> StageResult:
    """Cut one video's transcript into narrations. No transcript, no narrations."""
    (file,) = media.to_pylist()
    judged = Judged(overrides.to_pylist(), Target.EDIT, Target.NARRATION)
    words, dropped = _spoken_words(transcripts)
    rows: list[NarrationRow] = []
    for span in narration_spans(words, sentences, config):
        text_asr = " ".join(word.text for word in span)
        edits = _edits(text_asr, corrector if config.correct else None, judged)
        text = apply(text_asr, edits)
        if not text:
            continue
        start_s, end_s = _clip_span(span, config, file["duration_s"])
        rows.append(
            NarrationRow(
                narration_id=child_id(file["video_id"], "n", len(rows)),
                video_id=file["video_id"],
                start_s=start_s,
                end_s=end_s,
                text_asr=text_asr,
                text=text,
                edits=edits,
                descriptive_score=_score(
                    text_asr, descriptive_score(text, tagger.tag(text)), judged
                ),
                confidence=fmean(word.probability for word in span),
            )
        )
    return StageResult(
        tables={"narrations": NARRATIONS.table(rows)}, dropped=(*dropped, *judged.drops())
    )


def _score(text_asr: str, score: float, judged: Judged) -> float:
    """Return 1 or 0 where a reviewer judged the narration, else `score`."""
    reading = judged.narration(text_asr)
    return score if reading is None else float(reading is NarrationReading.DESCRIPTIVE)


def _spoken_words(transcripts: pa.Table) -> tuple[list[TimedWord], tuple[Drop, ...]]:
    """Return the words of the segments without flags, and a drop for each of the others."""
    words: list[TimedWord] = []
    dropped: list[Drop] = []
    for row in transcripts.sort_by("start_s").to_pylist():
        if flags := [guard for guard in Guard if row[guard]]:
            dropped.append(
                Drop(
                    row_id=row["segment_id"],
                    reason=DropReason.INVENTED_TEXT,
                    message=f"{', '.join(flags)}: {row['text'][:_SHOWN_CHARACTERS]!r}",
                )
            )
            continue
        words += [
            TimedWord(
                text=word["word"].strip(),
                start_s=word["start_s"],
                end_s=word["end_s"],
                probability=word["probability"],
            )
            for word in row["words"]
            if word["word"].strip()
        ]
    return words, tuple(dropped)


def _edits(text_asr: str, corrector: Corrector | None, judged: Judged) -> list[Edit]:
    """Return corrections and removed disfluencies in order, without those that reviewers judged wrong."""
    proposed = corrector.edits(text_asr) if corrector else ()
    corrections = [edit for edit in proposed if not _is_wrong(judged, text_asr, edit)]
    cleaning = [
        edit
        for edit in disfluency_edits(text_asr, corrections)
        if not _is_wrong(judged, text_asr, edit)
    ]
    return sorted([*corrections, *cleaning], key=lambda edit: edit.start)


def _is_wrong(judged: Judged, text_asr: str, edit: Edit) -> bool:
    return judged.is_wrong(
        text_asr,
        target=Target.EDIT,
        kind=None,
        start=edit.start,
        end=edit.end,
        value=edit.after,
    )


def narration_spans(
    words: Sequence[TimedWord], sentences: SentenceSplitter, config: SegmentConfig
) -> list[WordSpan]:
    """Return the sentences, cut at long silences and at `max_clip_s`; short ones are merged with the next."""
    spans = [
        short
        for sentence in _sentences(words, sentences)
        for unbroken in _cut_at_gaps(sentence, config.max_gap_s)
        for short in _cut_to_length(unbroken, config.max_clip_s)
    ]
    return _merge_short(spans, config)


def _sentences(words: Sequence[TimedWord], sentences: SentenceSplitter) -> Iterable[WordSpan]:
    if not words:
        return
    ends = list(accumulate(len(word.text) + 1 for word in words))
    text = " ".join(word.text for word in words)
    first = 0
    for _, end in sentences.split(text):
        last = bisect_right(ends, end - 1) + 1  # The word with the sentence's last character.
        if last > first:
            yield words[first:last]
            first = last
    if first < len(words):
        yield words[first:]


def _cut_at_gaps(span: WordSpan, max_gap_s: float) -> Iterable[WordSpan]:
    first = 0
    for index in range(1, len(span)):
        if span[index].start_s - span[index - 1].end_s > max_gap_s:
            yield span[first:index]
            first = index
    yield span[first:]


def _cut_to_length(span: WordSpan, max_clip_s: float) -> Iterable[WordSpan]:
    """Halve the span at the longest pause near the middle until every slice is short enough."""
    if _length_s(span) <= max_clip_s or len(span) < 2:
        yield span
        return
    low, high = max(1, len(span) // 4), max(2, 3 * len(span) // 4)
    cut = max(range(low, high), key=lambda i: span[i].start_s - span[i - 1].end_s)
    yield from _cut_to_length(span[:cut], max_clip_s)
    yield from _cut_to_length(span[cut:], max_clip_s)


def _merge_short(spans: Sequence[WordSpan], config: SegmentConfig) -> list[WordSpan]:
    merged: list[WordSpan] = []
    for span in spans:
        before = merged[-1] if merged else None
        if (
            before is not None
            and min(_length_s(before), _length_s(span)) < config.min_clip_s
            and span[0].start_s - before[-1].end_s <= config.max_gap_s
            and span[-1].end_s - before[0].start_s <= config.max_clip_s
        ):
            merged[-1] = [*before, *span]
        else:
            merged.append(span)
    return merged


def _length_s(span: WordSpan) -> float:
    return span[-1].end_s - span[0].start_s


def _clip_span(span: WordSpan, config: SegmentConfig, duration_s: float) -> tuple[float, float]:
    """Return the words' span, widened evenly to `min_clip_s` where the video allows it, cut at `max_clip_s`.

    Only a word that is longer by itself is cut: recognisers draw words out over the silence after them.
    """
    start_s = span[0].start_s
    end_s = min(span[-1].end_s, start_s + config.max_clip_s)
    lacking = max(0.0, config.min_clip_s - (end_s - start_s))
    start_s = max(0.0, min(start_s - lacking / 2, duration_s - config.min_clip_s))
    end_s = min(duration_s, max(end_s, start_s + config.min_clip_s))
    return round(start_s, 3), round(end_s, 3)


STAGE = StageSpec(
    name="segment",
    version=5,
    scope=Scope.UNIT,
    run=segment,
    settings=SegmentConfig,
    help="cut transcripts into narrations, correct them, and score how descriptive each is",
    reads={
        "media": ("video_id", "duration_s"),
        "transcripts": ("segment_id", "video_id", "start_s", "end_s", "text", "words", *GUARDS),
        "overrides": column_names(OverrideRow),
    },
    writes=("narrations",),
    ports={
        "sentences": "pipelines.wiring:sentence_splitter",
        "corrector": "pipelines.wiring:corrector",
        "tagger": "pipelines.wiring:tagger",
    },
)
