"""What stage segment decides, asserted on its rows: spans, cuts and merges, edits, drops."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from rapidfuzz import fuzz

from ophvl.stage import StageResult
from ophvl.text.edits import Edit, apply
from ophvl.text.narration.descriptive import descriptive_score
from ophvl.text.narration.sentences import SentenceSplitter
from pipelines.stages.segment import SegmentConfig, segment
from schemas.narrations import NARRATIONS
from schemas.vocab import Kind
from tests.factories import (
    media_row,
    override_row,
    spoken_words,
    table,
    transcript_row,
    video_id,
)

VIDEO = video_id(1)
OPEN = "I open the anterior capsule with a cystotome and forceps."
TURN = "The nucleus is then rotated freely inside the capsular bag."


@pytest.fixture(scope="module")
def sentences() -> SentenceSplitter:
    return SentenceSplitter()


def transcript(
    *parts: tuple[str, float], word_s: float = 0.5, number: int = 0, **columns: object
) -> Any:
    """A segment of these texts, each said without pause from its start on."""
    words = [w for text, at_s in parts for w in spoken_words(text, start_s=at_s, word_s=word_s)]
    return transcript_row(
        1,
        **{
            "segment_id": f"{VIDEO}-s{number:04d}",
            "start_s": words[0].start_s,
            "end_s": words[-1].end_s,
            "text": " ".join(text for text, _ in parts),
            "words": words,
            **columns,
        },
    )


@pytest.fixture
def run(sentences, corrector, tagger):
    def run(
        *transcripts: Any,
        overrides: tuple[Any, ...] = (),
        duration_s: float = 120.0,
        **settings: object,
    ) -> StageResult:
        result = segment(
            table("media", media_row(1, duration_s=duration_s)),
            table("transcripts", *transcripts),
            table("overrides", *overrides),
            config=SegmentConfig(**settings),
            sentences=sentences,
            corrector=corrector,
            tagger=tagger,
        )
        assert NARRATIONS.check(result.tables["narrations"]) == []
        return result

    return run


def rows(result: StageResult) -> list[dict]:
    return result.tables["narrations"].to_pylist()


def spans(result: StageResult) -> list[tuple[float, float]]:
    return [(row["start_s"], row["end_s"]) for row in rows(result)]


def edits_of(row: dict) -> list[Edit]:
    return [
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


HALVES = "I open the anterior capsule of the lens", "with a bent needle and turn it over."
"""Two halves of a sentence, of four seconds each: neither is merged for being short."""


@pytest.mark.parametrize(("gap_s", "count"), [(2.0, 1), (2.01, 2)])
def test_a_silence_longer_than_max_gap_ends_a_narration_and_one_as_long_does_not(
    run, gap_s: float, count: int
) -> None:
    result = run(transcript((HALVES[0], 0.0), (HALVES[1], 4.0 + gap_s)))
    assert len(rows(result)) == count


def test_the_gap_that_ends_a_narration_can_be_set(run) -> None:
    said = transcript((HALVES[0], 0.0), (HALVES[1], 5.5))
    assert len(rows(run(said))) == 1
    cut = run(said, max_gap_s=1.0)
    assert [row["text_asr"] for row in rows(cut)] == list(HALVES)


def test_a_long_word_is_no_silence(run) -> None:
    words = spoken_words("I open the capsule now.", word_s=2.5)
    assert spans(run(transcript_row(1, words=words))) == [(0.0, 12.5)]


def test_short_sentences_across_a_long_silence_are_not_merged(run) -> None:
    said = transcript(("Good now.", 0.0), ("I open the capsule.", 3.5))
    assert len(rows(run(said))) == 2
    assert len(rows(run(transcript(("Good now.", 0.0), ("I open the capsule.", 3.0))))) == 1


@pytest.mark.parametrize(
    ("cap_s", "expected"), [(15.0, [(0.0, 15.0)]), (14.9, [(0.0, 3.0), (2.0, 15.0)])]
)
def test_a_short_piece_is_merged_up_to_the_cap_and_not_over_it(run, cap_s: float, expected) -> None:
    long = "Then I open the anterior capsule with a bent needle and go on."
    result = run(transcript((f"Good now. {long}", 0.0), word_s=1.0), max_clip_s=cap_s)
    assert spans(result) == expected


@pytest.mark.parametrize("cap_s", [5.0, 8.0, 15.0])
@pytest.mark.parametrize("word_s", [0.3, 0.7, 1.9])
def test_no_row_is_longer_than_the_cap_however_pieces_are_merged(
    run, cap_s: float, word_s: float
) -> None:
    text = f"Good. {OPEN} Now. Yes. {TURN} So. Slowly. {OPEN} Fine. {TURN} Good."
    result = run(transcript((text, 0.0), word_s=word_s), max_clip_s=cap_s)
    assert all(end_s - start_s <= cap_s + 1e-6 for start_s, end_s in spans(result))
    assert " ".join(row["text_asr"] for row in rows(result)) == text


def test_a_word_drawn_out_over_a_silence_makes_no_row_longer_than_the_cap(run) -> None:
    said = transcript(("Good.", 0.0), (OPEN, 1.0))
    drawn = spoken_words("Okay.", start_s=6.0, word_s=16.5)
    last = spoken_words("Now.", start_s=23.0)
    result = run(transcript_row(1, words=[*said.words, *drawn, *last]))
    assert [row["text_asr"] for row in rows(result)] == [f"Good. {OPEN}", "Okay.", "Now."]
    assert spans(result) == [(0.0, 6.0), (6.0, 21.0), (21.75, 24.75)]


def test_a_short_piece_before_or_after_a_long_one_is_merged_with_it(run) -> None:
    assert len(rows(run(transcript((f"Good. {OPEN}", 0.0))))) == 1
    assert len(rows(run(transcript((f"{OPEN} Good.", 0.0))))) == 1
    assert len(rows(run(transcript((f"{OPEN} {TURN}", 0.0))))) == 2


def test_a_sentence_over_the_cap_is_cut_at_its_longest_pause_near_the_middle(run) -> None:
    first = "I open the anterior capsule with a bent needle"
    said = transcript((first, 0.0), ("and turn the flap over and close the circle now.", 5.5))
    result = run(said, max_clip_s=8.0)
    assert [row["text_asr"] for row in rows(result)] == [
        first,
        "and turn the flap over and close the circle now.",
    ]
    assert spans(result) == [(0.0, 4.5), (5.5, 10.5)]


def test_a_longer_pause_near_an_end_is_not_where_a_sentence_is_cut(run) -> None:
    said = transcript(
        ("I", 0.0),
        ("open the capsule with a bent needle", 2.0),
        ("and turn the flap over now.", 6.0),
    )
    assert [row["text_asr"] for row in rows(run(said, max_clip_s=8.0, min_clip_s=1.0))] == [
        "I open the capsule with a bent needle",
        "and turn the flap over now.",
    ]


def test_a_short_remark_is_widened_evenly_to_the_least_length(run) -> None:
    assert spans(run(transcript(("Capsulorhexis here.", 20.0)))) == [(19.0, 22.0)]


@pytest.mark.parametrize(
    ("start_s", "duration_s", "span"),
    [(0.2, 60.0, (0.0, 3.0)), (59.0, 60.0, (57.0, 60.0)), (0.5, 2.0, (0.0, 2.0))],
)
def test_spans_never_leave_the_video(run, start_s: float, duration_s: float, span) -> None:
    result = run(transcript(("Capsulorhexis here.", start_s)), duration_s=duration_s)
    assert spans(result) == [span]


def test_words_past_the_end_of_the_video_do_not_lengthen_it(run) -> None:
    ((start_s, end_s),) = spans(run(transcript((OPEN, 10.0)), duration_s=14.0))
    assert (start_s, end_s) == (10.0, 14.0)


def test_narrations_are_numbered_without_holes(run) -> None:
    said = transcript((OPEN, 0.0), ("Um, uh.", 20.0), (TURN, 40.0))
    result = run(said)
    assert [row["narration_id"] for row in rows(result)] == [f"{VIDEO}-n0000", f"{VIDEO}-n0001"]
    assert [row["text"] for row in rows(result)] == [OPEN, TURN]


def test_flagged_segments_are_dropped_each_and_the_words_of_the_others_stay(run) -> None:
    result = run(
        transcript((OPEN, 0.0), number=0),
        transcript(("Thanks for watching.", 10.0), number=1, is_credit=True),
        transcript((TURN, 20.0), number=2),
        transcript(("la la la " * 20, 30.0), number=3, is_music=True, is_loop=True),
    )
    assert [row["text_asr"] for row in rows(result)] == [OPEN, TURN]
    assert [(d.row_id, d.reason) for d in result.dropped] == [
        (f"{VIDEO}-s0001", "invented_text"),
        (f"{VIDEO}-s0003", "invented_text"),
    ]
    assert result.dropped[0].message == "is_credit: 'Thanks for watching.'"
    assert len(result.dropped[1].message) <= len("is_music, is_loop: ''") + 60


MISHEARD = (
    "Um, so I inject the tripan blue and uh stain the anterior capsule with tripan blue again."
)


def test_every_edit_names_its_place_in_what_was_recognised_and_can_be_undone_alone(run) -> None:
    (row,) = rows(run(transcript((MISHEARD, 0.0))))
    edits = edits_of(row)
    assert len(edits) >= 4
    assert all(MISHEARD[edit.start : edit.end] == edit.before for edit in edits)
    assert [e.start for e in edits] == sorted(e.start for e in edits)
    assert all(a.end <= b.start for a, b in itertools.pairwise(edits))
    assert apply(row["text_asr"], edits) == row["text"]
    assert apply(row["text_asr"], []) == MISHEARD
    assert row["text"].count("trypan") == 2
    for edit in edits:
        without = apply(MISHEARD, [e for e in edits if e != edit])
        assert without != row["text"]
        assert edit.before in without


def test_a_reader_withdraws_one_edit_and_the_same_edit_elsewhere_stays(run) -> None:
    wrong = override_row(
        1,
        target="edit",
        kind=None,
        before="inject the",
        surface="tripan",
        after="blue and",
        value="trypan",
    )
    (row,) = rows(run(transcript((MISHEARD, 0.0))))
    correction = next(e for e in row["edits"] if "trypan" in e["to"])
    wrong = replace(
        wrong,
        surface=correction["from"].lower(),
        value=correction["to"],
        after="and uh" if "blue" in correction["from"] else "blue and",
    )
    result = run(transcript((MISHEARD, 0.0)), overrides=(wrong,))
    (row,) = rows(result)
    assert (row["text"].count("tripan"), row["text"].count("trypan")) == (1, 1)
    assert row["text"].index("tripan") < row["text"].index("trypan")
    assert row["text_asr"] == MISHEARD
    assert result.dropped == ()


def test_a_reader_withdraws_a_hesitation_too(run) -> None:
    text = "We er polish the posterior capsule with the cannula."
    (row,) = rows(run(transcript((text, 0.0))))
    (edit,) = row["edits"]
    wrong = override_row(
        1,
        target="edit",
        kind=None,
        before="we",
        surface=edit["from"].strip(" ,"),
        after="polish the",
        value=edit["to"],
    )
    (row,) = rows(run(transcript((text, 0.0)), overrides=(wrong,)))
    assert (row["text"], row["edits"]) == (text, [])


def test_a_judgement_that_fits_nothing_is_dropped_by_its_own_id(run) -> None:
    stale = override_row(
        1,
        override_id=f"{VIDEO}-o0003",
        target="narration",
        kind=None,
        before="",
        surface="something never said in this video",
        after="",
        value="descriptive",
    )
    elsewhere = override_row(1, override_id=f"{VIDEO}-o0004", target="attribute")
    result = run(transcript((OPEN, 0.0)), overrides=(stale, elsewhere))
    assert [(d.row_id, d.reason) for d in result.dropped] == [
        (f"{VIDEO}-o0003", "override_unmatched")
    ]


def test_a_reader_decides_for_the_one_narration_that_was_judged(run) -> None:
    said = transcript((f"{OPEN} {TURN}", 0.0))
    before = [row["descriptive_score"] for row in rows(run(said))]
    wrong = override_row(
        1,
        target="narration",
        kind=None,
        before="",
        surface=OPEN.lower().rstrip("."),
        after="",
        value="descriptive",
    )
    after = [row["descriptive_score"] for row in rows(run(said, overrides=(wrong,)))]
    assert before[0] > 0.0
    assert after == [0.0, before[1]]


def test_the_score_is_that_of_the_corrected_text(run, tagger) -> None:
    (row,) = rows(run(transcript((MISHEARD, 0.0))))
    assert row["descriptive_score"] == descriptive_score(row["text"], tagger.tag(row["text"]))
    assert row["descriptive_score"] != descriptive_score(MISHEARD, [])


def test_descriptions_score_higher_than_talk(run) -> None:
    talk = "Thank you very much to all my friends for coming tonight."
    result = run(transcript((f"{OPEN} {talk}", 0.0)))
    first, second = (row["descriptive_score"] for row in rows(result))
    assert first >= 0.3 > second


def test_a_drug_never_becomes_another(run, matcher) -> None:
    """Names that look alike, one a sentence: none is edited, whichever stands beside it."""
    drugs = sorted(
        concept.label
        for concept in matcher.ontology.concepts.values()
        if concept.kind is Kind.MEDICATION
    )
    alike = [
        drug
        for drug in drugs
        if any(70 <= fuzz.ratio(drug, other) < 100 for other in drugs if other != drug)
        and " " not in drug
    ]
    assert len(alike) > 20
    said = [
        transcript(
            (f"Now I inject {drug} into the anterior chamber.", 10.0 * number), number=number
        )
        for number, drug in enumerate(alike)
    ]
    found = rows(run(*said, duration_s=10.0 * len(alike)))
    assert [row["text"] for row in found] == [row.text for row in said]


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("tripan blue", "trypan blue"),
        ("bevasizumab", "bevacizumab"),
        ("ranibizumap", "ranibizumab"),
    ],
)
def test_a_drug_that_was_misheard_becomes_itself(run, heard: str, meant: str) -> None:
    (row,) = rows(run(transcript((f"Now I inject {heard} into the vitreous cavity.", 0.0))))
    assert row["text"] == f"Now I inject {meant} into the vitreous cavity."


def test_the_shortest_clip_may_be_as_long_as_the_longest_but_no_longer() -> None:
    assert SegmentConfig(min_clip_s=5.0, max_clip_s=5.0).min_clip_s == 5.0
    with pytest.raises(ValueError, match="min_clip_s <= max_clip_s must hold"):
        SegmentConfig(min_clip_s=5.1, max_clip_s=5.0)
