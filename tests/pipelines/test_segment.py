"""Sentences on word times become narrations of clip length."""

import pyarrow as pa
import pytest

from ophvl.text.sentences import SentenceSplitter
from pipelines.config import SegmentConfig
from pipelines.segment import TimedWord, narration_pieces, segment
from schemas.narrations import NARRATIONS
from schemas.transcripts import TRANSCRIPTS

VIDEO = "file_0123456789abcdef"


@pytest.fixture(scope="module")
def sentences() -> SentenceSplitter:
    return SentenceSplitter()


def spoken(text: str, *, start_s: float = 0.0, word_s: float = 0.5) -> list[TimedWord]:
    """Words of equal length without pauses."""
    return [
        TimedWord(
            text=word,
            start_s=start_s + i * word_s,
            end_s=start_s + (i + 1) * word_s,
            probability=0.9,
        )
        for i, word in enumerate(text.split())
    ]


def texts(words, sentences, **config) -> list[str]:
    pieces = narration_pieces(words, sentences, SegmentConfig(**config))
    return [" ".join(word.text for word in piece) for piece in pieces]


FIRST = "I open the anterior capsule with a cystotome and forceps."
SECOND = "The nucleus is then rotated freely inside the capsular bag."


def test_long_sentences_stand_alone(sentences) -> None:
    assert texts(spoken(f"{FIRST} {SECOND}"), sentences) == [FIRST, SECOND]


def test_short_sentence_is_merged_with_its_neighbour(sentences) -> None:
    assert texts(spoken(f"Good. {FIRST}"), sentences) == [f"Good. {FIRST}"]


def test_a_long_silence_ends_a_narration_even_inside_a_sentence(sentences) -> None:
    words = spoken("I open the anterior capsule with") + spoken(
        "a bent needle in one go.", start_s=20.0
    )
    assert len(texts(words, sentences)) == 2


def test_no_narration_is_longer_than_the_cap(sentences) -> None:
    endless = " ".join(f"word{number}" for number in range(200))
    pieces = narration_pieces(spoken(endless), sentences, SegmentConfig(max_clip_s=15.0))
    assert all(piece[-1].end_s - piece[0].start_s <= 15.0 for piece in pieces)
    assert " ".join(word.text for piece in pieces for word in piece) == endless


def test_no_word_is_lost_or_doubled(sentences) -> None:
    text = f"Um, hello. {FIRST} So, 2.4 mm? {SECOND} Thanks"
    assert " ".join(texts(spoken(text), sentences)) == text


def test_nothing_said_gives_no_pieces(sentences) -> None:
    assert texts([], sentences) == []


def run_stage(words: list[TimedWord], sentences, matcher, duration_s: float) -> pa.Table:
    row = {
        "segment_id": f"{VIDEO}-s0000",
        "video_id": VIDEO,
        "start_s": 0.0,
        "end_s": duration_s,
        "text": "",
        "words": [
            {
                "word": f" {w.text}",
                "start_s": w.start_s,
                "end_s": w.end_s,
                "probability": w.probability,
                "interpolated": False,
            }
            for w in words
        ],
    }
    fields = [TRANSCRIPTS.arrow.field(name) for name in row]
    media = pa.table({"video_id": [VIDEO], "duration_s": [duration_s]})
    transcripts = pa.Table.from_pylist([row], schema=pa.schema(fields))
    result = segment(
        media, transcripts, config=SegmentConfig(), sentences=sentences, matcher=matcher
    )
    return result.tables["narrations"]


def test_rows_keep_the_schema_and_the_video(sentences, matcher) -> None:
    table = run_stage(spoken(f"Um, so {FIRST} {SECOND}"), sentences, matcher, 10.5)
    assert NARRATIONS.check(table) == []
    first = table.to_pylist()[0]
    assert first["narration_id"] == f"{VIDEO}-n0000"
    assert first["text_asr"].startswith("Um, so I open")
    assert first["text"].startswith("So I open")
    assert max(table.column("end_s").to_pylist()) <= 10.5


def test_a_short_remark_is_shown_for_the_least_clip_length(sentences, matcher) -> None:
    (row,) = run_stage(spoken("Capsulorhexis.", start_s=8.9), sentences, matcher, 9.5).to_pylist()
    assert row["end_s"] - row["start_s"] == pytest.approx(3.0)
    assert row["end_s"] == pytest.approx(9.5)


def test_hesitation_alone_is_no_narration(sentences, matcher) -> None:
    assert run_stage(spoken("Um, uh."), sentences, matcher, 9.0).num_rows == 0
