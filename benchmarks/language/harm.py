"""Count what correction changes in correct prose: each edit there is harm.

In: JSON Lines with a `text` of correct English in each line. Out: edits for 1,000 words, through
`ophvl annotate` and through stage segment, which joins and cuts texts as it does with recognised speech.
Each edit is printed with the words around it, and marked where it touches a number, a side or a denial, or
invents a drug.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from ophvl.ids import child_id
from ophvl.ontology import load
from ophvl.text.concepts.tagging import Tagger
from ophvl.text.correction.corrector import Corrector
from ophvl.text.correction.word_frequency import is_protected
from ophvl.text.edits import apply
from ophvl.text.narration.sentences import SentenceSplitter
from ophvl.unicode import normalise_markup
from pipelines import wiring
from pipelines.stages.segment import SegmentConfig, segment
from schemas.catalogue import TABLES
from schemas.guards import GUARDS
from schemas.narrations import Edit
from schemas.transcripts import TRANSCRIPTS, TranscriptRow, Word
from schemas.vocab import Kind

_VIDEO = "file_0000000000000000"
_WORD_S = 0.4
_WORD = re.compile(r"[\w'\u2019]+")
_AROUND = 30
"""Characters that are shown on either side of an edit."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """An edit of correct text, and the text."""

    text: str
    edit: Edit

    def format(self, tagger: Tagger) -> str:
        """Return the edit as a line: its words, what is worst about it, and the words around."""
        edit = self.edit
        words = _WORD.findall(f"{edit.before} {edit.after}".lower())
        invented = _drugs(apply(self.text, [edit]), tagger) - _drugs(self.text, tagger)
        marks = [
            *(["TOUCHES A NUMBER, SIDE OR DENIAL"] if any(map(is_protected, words)) else []),
            *(f"INVENTS {drug.upper()}" for drug in sorted(invented)),
        ]
        around = self.text[max(0, edit.start - _AROUND) : edit.end + _AROUND].replace("\n", " ")
        return "  ".join(
            [f"  {edit.before} -> {edit.after} ({edit.rule} {edit.score})", *marks, f"| {around}"]
        )


def _drugs(text: str, tagger: Tagger) -> set[str]:
    return {a.label for a in tagger.tag(text) if a.kind is Kind.MEDICATION}


class Recorder:
    """A corrector that remembers what it changed."""

    def __init__(self, corrector: Corrector) -> None:
        self._corrector = corrector
        self.changes: list[Change] = []

    def edits(self, text: str) -> tuple[Edit, ...]:
        """Return the corrections of a text."""
        edits = self._corrector.edits(text)
        self.changes += [Change(text=text, edit=edit) for edit in edits]
        return edits


def measure(files: Sequence[Path]) -> Iterator[str]:
    """Yield the lines of the report, one file after the other."""
    corrector, tagger = Corrector(load()), wiring.tagger(None, Path())
    sentences = SentenceSplitter()
    for path in files:
        texts = read(path)
        count = sum(len(text.split()) for text in texts)
        for way, changes in (
            ("annotate", annotated(texts, corrector)),
            ("segment", segmented(texts, corrector, tagger, sentences)),
        ):
            rate = 1000 * len(changes) / max(1, count)
            yield f"{path.name}, {way}: {len(changes)} edits in {count:,} words = {rate:.2f} for 1,000"
            yield from (change.format(tagger) for change in changes)


def read(path: Path) -> list[str]:
    """Read the texts of a file of JSON Lines."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines if line.strip()]


def annotated(texts: Sequence[str], corrector: Corrector) -> list[Change]:
    """Return the edits that `ophvl annotate` makes of each text."""
    recorder = Recorder(corrector)
    for text in texts:
        recorder.edits(normalise_markup(text))
    return recorder.changes


def segmented(
    texts: Sequence[str], corrector: Corrector, tagger: Tagger, sentences: SentenceSplitter
) -> list[Change]:
    """Return the edits that stage segment makes where the texts are spoken without a pause."""
    recorder = Recorder(corrector)
    rows: list[TranscriptRow] = []
    said = 0
    for text in map(normalise_markup, texts):
        words = [
            Word(
                word=f" {word}",
                start_s=(said + n) * _WORD_S,
                end_s=(said + n + 1) * _WORD_S,
                probability=1.0,
                interpolated=False,
            )
            for n, word in enumerate(text.split())
        ]
        if words:
            said += len(words)
            rows.append(_spoken(len(rows), text, words))
    segment(
        pa.table({"video_id": [_VIDEO], "duration_s": [said * _WORD_S]}),
        TRANSCRIPTS.table(rows),
        TABLES["overrides"].empty(),
        config=SegmentConfig(),
        sentences=sentences,
        corrector=recorder,  # type: ignore[arg-type]  # It is asked for edits alone.
        tagger=tagger,
    )
    return recorder.changes


def _spoken(number: int, text: str, words: Sequence[Word]) -> TranscriptRow:
    return TranscriptRow(
        segment_id=child_id(_VIDEO, "s", number),
        video_id=_VIDEO,
        start_s=words[0].start_s,
        end_s=words[-1].end_s,
        text=text,
        words=words,
        avg_logprob=0.0,
        no_speech_prob=0.0,
        compression_ratio=1.0,
        language="en",
        recogniser="faster-whisper",
        model="none",
        model_sha256="0" * 64,
        **dict.fromkeys(GUARDS, False),
    )
