"""Sentences on word times become narrations of clip length."""

from dataclasses import replace

import pyarrow as pa
import pytest

from ophvl.stage import StageResult
from ophvl.text.edits import apply
from ophvl.text.narration.sentences import SentenceSplitter
from pipelines.stages.segment import (
    SegmentConfig,
    TimedWord,
    _cut_to_length,
    narration_spans,
    segment,
)
from schemas.guards import GUARDS
from schemas.narrations import NARRATIONS, Edit
from schemas.overrides import OverrideRow
from schemas.transcripts import TRANSCRIPTS, TranscriptRow, Word
from tests.factories import override_row, table, transcript_row

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
    spans = narration_spans(words, sentences, SegmentConfig(**config))
    return [" ".join(word.text for word in span) for span in spans]


FIRST = "I open the anterior capsule with a cystotome and forceps."
SECOND = "The nucleus is then rotated freely inside the capsular bag."


def test_long_sentences_stand_alone(sentences) -> None:
    assert texts(spoken(f"{FIRST} {SECOND}"), sentences) == [FIRST, SECOND]


def test_short_sentence_is_merged_with_its_neighbour(sentences) -> None:
    assert texts(spoken(f"Good. {FIRST}"), sentences) == [f"Good. {FIRST}"]


@pytest.mark.parametrize("last", ["B", "bag"])
def test_a_sentence_ends_with_its_last_word_however_short(monkeypatch, sentences, last) -> None:
    first, second = f"We now go on with the plan {last}", "A new blade opens the cornea"
    spans = [(0, len(first)), (len(first) + 1, len(first) + 1 + len(second))]
    monkeypatch.setattr(sentences, "split", lambda text: spans)
    assert texts(spoken(f"{first} {second}"), sentences, min_clip_s=1.0) == [first, second]


def test_a_long_silence_ends_a_narration_even_inside_a_sentence(sentences) -> None:
    words = spoken("I open the anterior capsule with") + spoken(
        "a bent needle in one go.", start_s=20.0
    )
    assert len(texts(words, sentences)) == 2


def test_no_narration_is_longer_than_the_cap(sentences) -> None:
    endless = " ".join(f"word{number}" for number in range(200))
    spans = narration_spans(spoken(endless), sentences, SegmentConfig(max_clip_s=15.0))
    assert all(span[-1].end_s - span[0].start_s <= 15.0 for span in spans)
    assert " ".join(word.text for span in spans for word in span) == endless


def test_no_word_is_lost_or_doubled(sentences) -> None:
    text = f"Um, hello. {FIRST} So, 2.4 mm? {SECOND} Thanks"
    assert " ".join(texts(spoken(text), sentences)) == text


def test_nothing_said_gives_no_pieces(sentences) -> None:
    assert texts([], sentences) == []


@pytest.fixture
def run_stage(sentences, corrector, tagger):
    """The stage with its real tools; `flags` are guards raised on the one segment."""

    def run(
        words: list[TimedWord],
        duration_s: float,
        *overrides: OverrideRow,
        flags: tuple[str, ...] = (),
        **settings: bool,
    ) -> StageResult:
        row = {
            "segment_id": f"{VIDEO}-s0000",
            "video_id": VIDEO,
            "start_s": 0.0,
            "end_s": duration_s,
            "text": " ".join(w.text for w in words),
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
            **{guard: guard in flags for guard in GUARDS},
        }
        fields = [TRANSCRIPTS.arrow.field(name) for name in row]
        return segment(
            pa.table({"video_id": [VIDEO], "duration_s": [duration_s]}),
            pa.Table.from_pylist([row], schema=pa.schema(fields)),
            table("overrides", *overrides),
            config=SegmentConfig(**settings),
            sentences=sentences,
            corrector=corrector,
            tagger=tagger,
        )

    return run


def narrations(result: StageResult) -> list[dict]:
    return result.tables["narrations"].to_pylist()


def test_rows_keep_the_schema_and_the_video(run_stage) -> None:
    rows = run_stage(spoken(f"Um, so {FIRST} {SECOND}"), 10.5).tables["narrations"]
    assert NARRATIONS.check(rows) == []
    first = rows.to_pylist()[0]
    assert first["narration_id"] == f"{VIDEO}-n0000"
    assert first["text_asr"].startswith("Um, so I open")
    assert first["text"].startswith("So I open")
    assert max(rows.column("end_s").to_pylist()) <= 10.5


MISHEARD = "Um, so I inject the tripan blue and stain the anterior capsule."


def test_what_was_misheard_is_corrected_by_edits_that_can_be_undone(run_stage) -> None:
    (row,) = narrations(run_stage(spoken(MISHEARD), 10.5))
    assert row["text"] == "So I inject the trypan blue and stain the anterior capsule."
    assert row["text_asr"] == MISHEARD
    edits = [
        Edit(
            start=e["start"],
            end=e["end"],
            before=e["from"],
            after=e["to"],
            rule=e["rule"],
            score=e["score"],
        )
        for e in row["edits"]
    ]
    assert apply(MISHEARD, edits) == row["text"]
    undone = apply(MISHEARD, [e for e in edits if "blue" not in e.after and "try" not in e.after])
    assert undone == "So I inject the tripan blue and stain the anterior capsule."


def test_confidence_is_the_mean_probability_of_a_narrations_own_words(run_stage) -> None:
    chances = [0.5] * len(FIRST.split()) + [0.9] * (len(SECOND.split()) - 1) + [0.1]
    words = [
        replace(word, probability=chance)
        for word, chance in zip(spoken(f"{FIRST} {SECOND}"), chances, strict=True)
    ]
    first, second = narrations(run_stage(words, words[-1].end_s))
    own = chances[len(FIRST.split()) :]
    assert first["confidence"] == pytest.approx(0.5)
    assert second["confidence"] == pytest.approx(sum(own) / len(own))


def test_segments_in_any_order_give_narrations_in_the_order_of_time(
    sentences, corrector, tagger
) -> None:
    def row(number: int, text: str, start_s: float) -> TranscriptRow:
        said = spoken(text, start_s=start_s)
        return transcript_row(
            number,
            video_id=VIDEO,
            segment_id=f"{VIDEO}-s{number:04d}",
            start_s=start_s,
            end_s=said[-1].end_s,
            text=text,
            words=[
                Word(
                    word=f" {word.text}",
                    start_s=word.start_s,
                    end_s=word.end_s,
                    probability=word.probability,
                    interpolated=False,
                )
                for word in said
            ],
        )

    made = segment(
        pa.table({"video_id": [VIDEO], "duration_s": [60.0]}),
        table("transcripts", row(1, SECOND, 20.0), row(0, FIRST, 0.0)),
        table("overrides"),
        config=SegmentConfig(),
        sentences=sentences,
        corrector=corrector,
        tagger=tagger,
    )
    assert [(r["text_asr"], r["start_s"]) for r in narrations(made)] == [
        (FIRST, 0.0),
        (SECOND, 20.0),
    ]


def test_correction_can_be_switched_off(run_stage) -> None:
    (row,) = narrations(run_stage(spoken(MISHEARD), 10.5, correct=False))
    assert row["text"] == "So I inject the tripan blue and stain the anterior capsule."


def test_an_edit_that_a_reader_judged_wrong_is_not_made_again(run_stage) -> None:
    (row,) = narrations(run_stage(spoken(MISHEARD), 10.5))
    correction = next(e for e in row["edits"] if "trypan" in e["to"])
    wrong = override_row(
        1,
        video_id=VIDEO,
        target="edit",
        kind=None,
        before="inject the",
        surface=correction["from"].lower(),
        after="and stain",
        value=correction["to"],
    )
    (row,) = narrations(run_stage(spoken(MISHEARD), 10.5, wrong))
    assert row["text"] == "So I inject the tripan blue and stain the anterior capsule."


@pytest.mark.parametrize(("value", "score"), [("descriptive", 0.0), ("other", 1.0)])
def test_a_reader_decides_what_is_descriptive(run_stage, value: str, score: float) -> None:
    text = "The capsule is polished with the cannula, is it not?"
    wrong = override_row(
        1,
        target="narration",
        kind=None,
        before="",
        surface="the capsule is polished with a cannula is it not",
        after="",
        value=value,
    )
    (row,) = narrations(run_stage(spoken(text), 10.5, wrong))
    assert row["descriptive_score"] == score


def test_text_that_a_guard_flagged_is_left_out_and_accounted_for(run_stage) -> None:
    result = run_stage(spoken("Thank you for watching."), 9.0, flags=("is_credit", "is_silence"))
    assert narrations(result) == []
    (drop,) = result.dropped
    assert drop.row_id == f"{VIDEO}-s0000"
    assert drop.reason == "invented_text"
    assert drop.message == "is_silence, is_credit: 'Thank you for watching.'"


def test_a_short_remark_is_shown_for_the_least_clip_length(run_stage) -> None:
    (row,) = narrations(run_stage(spoken("Capsulorhexis.", start_s=8.9), 9.5))
    assert row["end_s"] - row["start_s"] == pytest.approx(3.0)
    assert row["end_s"] == pytest.approx(9.5)


def test_hesitation_alone_is_no_narration(run_stage) -> None:
    assert narrations(run_stage(spoken("Um, uh."), 9.0)) == []


@pytest.mark.parametrize(("pauses", "cut"), [({5: 2.0, 7: 9.0}, 5), ({1: 9.0, 2: 2.0}, 2)])
def test_a_span_is_cut_at_the_longest_pause_of_its_middle_half(pauses, cut):
    words, at_s = [], 0.0
    for number in range(8):
        at_s += pauses.get(number, 0.1)
        words.append(TimedWord(text=f"w{number}", start_s=at_s, end_s=at_s + 1.0, probability=0.9))
        at_s += 1.0
    first, *_ = _cut_to_length(words, 15.0)
    assert [word.text for word in first] == [f"w{number}" for number in range(cut)]
