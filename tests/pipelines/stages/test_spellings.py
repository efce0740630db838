"""All spellings of one text give the same rows: from the record that a tool returns to the stages' tables."""

# ruff: noqa: RUF001  Odd spellings are the subject.

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ophvl.ports import Chapter
from ophvl.speech.engine import RecognisedText
from ophvl.speech.recogniser import segments_of
from ophvl.speech.vad import SpeechWindow
from ophvl.text.concepts.matching import Matcher
from ophvl.text.concepts.tagging import Tagger
from ophvl.text.correction.corrector import Corrector
from ophvl.text.narration.sentences import SentenceSplitter
from pipelines.stages.segment import SegmentConfig, segment
from schemas.transcripts import Word
from tests.factories import table, transcript_row
from tests.pipelines.stages import test_tag, test_title
from tests.pipelines.stages.test_discover import expand, listed

NARRATION = (
    "With Müller's muscle in view I inject C3F8 gas, 2 1/2 mm off the limbus, and close "
    "Descemet's membrane with 10-0 nylon. No phacoemulsification was needed."
)
TITLE = "Phacoemulsification in Behçet's uveitis - 10-0 nylon, 2 1/2 mm, right eye"
DESCRIPTION = 'A "floppy" iris & Müller cells\nwith 5 mm² of atrophy, -3 D, 37°C'

SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "decomposed": lambda text: unicodedata.normalize("NFD", text),
    "full width": lambda text: text.translate({n: n + 0xFEE0 for n in range(0x21, 0x7F)}),
    "bold": lambda text: text.translate({97 + n: 0x1D41A + n for n in range(26)}),
    "circled": lambda text: text.translate({97 + n: 0x24D0 + n for n in range(26)}),
    "ligatures": lambda text: text.replace("fi", "ﬁ").replace("fl", "ﬂ"),
    "soft hyphens": lambda text: "\u00ad".join(text),
    "zero width": lambda text: "\u200b".join(text) + "\ufeff",
    "direction marks": lambda text: "\u202b" + text.replace("a", "a\u200f") + "\u202c",
    "typographic": lambda text: text.replace("'", "’").replace('"', "“").replace("-", "\u2011"),
    "acute for apostrophe": lambda text: text.replace("r's", "r´s").replace("t's", "tʼs"),
    "en dashes": lambda text: text.replace("0-0", "0–0").replace(" -3", " −3"),
    "units": lambda text: text.replace(" mm", " ㎜").replace("°C", "℃").replace("㎜²", "㎟"),
    "fractions": lambda text: text.replace("2 1/2", "2½"),
    "subscripts": lambda text: text.replace("C3F8", "C₃F₈"),
    "no-break": lambda text: text.replace(" ", "\u202f"),
    "variation selectors": lambda text: "\ufe0f".join(text),
    "entities": lambda text: (
        text.replace("&", "&amp;").replace("'", "&#39;").replace('"', "&quot;")
    ),
    "entities, twice": lambda text: text.replace("&", "&amp;amp;").replace("'", "&amp;rsquo;"),
}


@pytest.fixture(params=SPELLINGS)
def spell(request: pytest.FixtureRequest) -> Callable[[str], str]:
    return SPELLINGS[request.param]


def test_titles_and_descriptions(
    spell: Callable[[str], str], tmp_path: Path, matcher: Matcher, tagger: Tagger
) -> None:
    video = listed(
        1,
        spell(TITLE),
        description=spell(DESCRIPTION),
        channel=spell("Fußmüller's eyes"),
        tags=(spell("iris-hooks"),),
        chapters=(Chapter(title=spell("Descemet's membrane"), start_s=0.0, end_s=9.0),),
    )
    (row,) = expand(tmp_path, matcher, video)
    assert (row["title"], row["description"]) == (TITLE, DESCRIPTION)
    assert (row["channel"], row["tags"]) == ("Fußmüller's eyes", ["iris-hooks"])
    assert row["chapters"][0]["title"] == "Descemet's membrane"
    texts = {"title": row["title"], "description": row["description"]}
    attributes, _ = test_tag.run(tagger, **texts)
    assert attributes == test_tag.run(tagger, title=TITLE, description=DESCRIPTION)[0]
    for attribute in attributes:
        text = texts[attribute["text_column"]]
        assert text[attribute["start"] : attribute["end"]] == attribute["surface"]
    titled, _ = test_title.run(tagger, **texts)
    assert (
        titled["title"]
        == "Phacoemulsification with 10-0 nylon suture for behcet disease, right eye"
    )


def words(text: str) -> RecognisedText:
    """What an engine makes of 0.4 s a word."""
    return RecognisedText(
        text=text,
        words=tuple(
            Word(
                word=f" {word}",
                start_s=0.4 * n,
                end_s=0.4 * (n + 1),
                probability=0.9,
                interpolated=False,
            )
            for n, word in enumerate(text.split())
        ),
        avg_logprob=-0.1,
        no_speech_prob=0.0,
        compression_ratio=1.0,
    )


@pytest.fixture(scope="module")
def sentences() -> SentenceSplitter:
    return SentenceSplitter()


def narrations(
    spoken: str, sentences: SentenceSplitter, corrector: Corrector, tagger: Tagger
) -> list[dict[str, object]]:
    """Rows of stage segment for what an engine recognised."""
    window = SpeechWindow.from_samples(np.zeros(16_000 * 20, np.float32))
    rows = [
        transcript_row(
            1, segment_id=f"s{n}", start_s=s.start_s, end_s=s.end_s, text=s.text, words=s.words
        )
        for n, s in enumerate(segments_of(words(spoken), window, "en"))
    ]
    assert all(row.text == " ".join(word.word for word in row.words) for row in rows)
    result = segment(
        pa.table({"video_id": [rows[0].video_id], "duration_s": [20.0]}),
        table("transcripts", *rows),
        table("overrides"),
        config=SegmentConfig(),
        sentences=sentences,
        corrector=corrector,
        tagger=tagger,
    )
    return result.tables["narrations"].to_pylist()


@pytest.mark.parametrize("spelling", [name for name in SPELLINGS if "entities" not in name])
def test_narrations(
    spelling: str, sentences: SentenceSplitter, corrector: Corrector, tagger: Tagger
) -> None:
    spoken = SPELLINGS[spelling](NARRATION)
    texts = [row["text"] for row in narrations(spoken, sentences, corrector, tagger)]
    assert " ".join(texts) == NARRATION
    attributes, _ = test_tag.run(tagger, *texts)
    assert {"muller muscle", "perfluoropropane", "descemet membrane", "10-0 nylon suture"} <= {
        row["label"] for row in attributes
    }


def test_times_belong_to_words_whatever_their_spelling(
    sentences: SentenceSplitter, corrector: Corrector, tagger: Tagger
) -> None:
    plain = narrations(
        "I cut. " + "Then the iris is cut by 2½ mm. " * 2, sentences, corrector, tagger
    )
    odd = narrations(
        "I \u200bcut\u00ad. " + "Then the ir\u200bis is cut by 2½ ㎜. " * 2,
        sentences,
        corrector,
        tagger,
    )
    assert [(r["start_s"], r["end_s"], r["text"]) for r in odd] == [
        (r["start_s"], r["end_s"], r["text"]) for r in plain
    ]
