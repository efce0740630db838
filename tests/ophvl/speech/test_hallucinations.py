"""Invented text is flagged by the rule that it breaks; what surgeons say is not."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from ophvl.ports import Segment, Word
from ophvl.speech.hallucinations import (
    flag_hallucinations,
    is_credit,
    is_loop,
    is_music,
    is_pace,
    is_prompt,
    is_silence,
    is_stock,
)
from ophvl.speech.hot_words import NO_HOT_WORDS, load_hot_words
from schemas.guards import Guard

HINTS = load_hot_words()

SAID = (
    "Good, the lens is in the bag.",
    "And chop, chop, chop, until the pieces are free.",
    "One more time, one more time, and the wound is closed.",
    "We used trypan blue, a cystotome and forceps.",
    "Conjunctiva and Tenon's capsule are opened.",
    "The iris, the pupil and the retina look healthy.",
    "Paracentesis.",
    "Thank you.",
    "Thank you for watching this case of a dropped nucleus.",
    "A suture is passed by the surgeon and the caption of this slide says why.",
    "In this operation the surgeon sits at the temporal side.",
    "I subscribe to the view that small is better.",
    "10-0 nylon, 2.4 mm, 23-gauge.",
    "The patient listens to music during the surgery.",
    "Oh, that is a tear.",
    "The lens is translated into position by the hook.",
    "Translation of the lens nucleus is done by pushing it.",
    "We dilute it to 1000000 units.",
    "The [inaudible] is opened.",
)


def segment(
    text: str,
    *,
    logprob: float = -0.25,
    no_speech: float = 0.02,
    probability: float = 0.8,
    word_s: float = 0.35,
) -> Segment:
    words = tuple(
        Word(
            word=word,
            start_s=i * word_s,
            end_s=(i + 1) * word_s,
            probability=probability,
            interpolated=False,
        )
        for i, word in enumerate(text.split())
    )
    return Segment(
        start_s=0.0,
        end_s=max(word_s, len(words) * word_s),
        text=text,
        words=words,
        language="en",
        avg_logprob=logprob,
        no_speech_prob=no_speech,
        compression_ratio=1.3,
    )


@pytest.mark.parametrize("text", SAID)
def test_what_surgeons_say_has_no_flag(text: str) -> None:
    (flagged,) = flag_hallucinations([segment(text)], HINTS)
    assert flagged.flags == frozenset()


def test_speech_in_a_bad_recording_has_no_flag() -> None:
    """One doubt alone, with a text that says something, is not enough."""
    text = "The posterior capsule is polished gently with the cannula."
    for doubt in ({"no_speech": 0.8}, {"logprob": -0.9}, {"probability": 0.25}):
        (flagged,) = flag_hallucinations([segment(text, **doubt)], HINTS)
        assert flagged.flags == frozenset()


def test_whispers_own_thresholds_are_stricter_than_none() -> None:
    assert is_silence(segment("So we go on.", logprob=-1.2, no_speech=0.9))
    assert is_silence(segment("I'm sorry.", logprob=-1.8, no_speech=0.4, probability=0.1))
    assert is_silence(segment(". . ."))
    assert not is_silence(segment("So we go on.", logprob=-1.2, no_speech=0.1))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "[Music]",
            "(upbeat music)",
            "*soft music playing*",
            "\u266a la la \u266a",
            "music playing",
        ),
        *("[BLANK_AUDIO] [Applause]", "(beeping)", "Oh, oh, oh", "La la la la", "[no audio]"),
        *("[[music]]", "(upbeat [soft] music).", "- *music*, (applause)", "* " * 20),
    ],
)
def test_captions_of_sounds_and_singing_are_music(text: str) -> None:
    assert is_music(text)


@pytest.mark.parametrize(
    "text",
    [
        *("* ", "*", "[", "(", "[a", "[]", "[(*", "-", " ", "a", "a ", "a-", "a'", "1.", "\u266a"),
        *("music ", "music plays ", "thank you all ", "thank you so much ", "like and ", "la "),
        *("translated ", "subtitles ", "www.", "aaaaa1"),
    ],
)
def test_the_time_for_a_hostile_text_grows_with_its_length_alone(text: str) -> None:
    hostile = text * (100_000 // len(text)) + "!a"
    started = time.process_time()
    for faint in (True, False):
        is_credit(hostile, faint)
        is_stock(hostile, faint)
    is_music(hostile)
    is_loop(hostile)
    assert time.process_time() - started < 5.0


@pytest.mark.parametrize(
    "text",
    [
        "We go on, we go on, we go on.",
        "you you you you you",
        "Awwwwwwwwwww",
        "and the capsule is opened " * 4,
        "chop. " * 6,
    ],
)
def test_loops(text: str) -> None:
    assert is_loop(text)


def test_a_segment_that_comes_again_and_again_is_a_loop() -> None:
    same = [segment("The wound is closed.") for _ in range(3)]
    flags = [one.flags for one in flag_hallucinations([segment("We begin."), *same], HINTS)]
    assert flags == [frozenset(), *[frozenset({Guard.LOOP})] * 3]
    twice = flag_hallucinations([*same[:2], segment("Good."), same[2]], HINTS)
    assert not any(one.flags for one in twice)


@pytest.mark.parametrize(
    "text",
    [
        "Subtitles by the Amara.org community",
        "Transcribed by a volunteer",
        "Captions made by J. Smith",
        "Translation and subtitles by X",
        "Subtitled by https://example.org",
        "[Translated into English by X]",
        "\u00a9 BF-WATCH TV 2021",
        "www.example.com",
    ],
)
def test_credits_are_flagged_however_sure_the_recogniser_is(text: str) -> None:
    assert is_credit(text, faint=False)


@pytest.mark.parametrize(
    "text",
    [
        "The text was transcribed by a volunteer",
        "Thank you for watching!",
        "Thanks for watching, and don't forget to subscribe.",
        "Please like and subscribe.",
        "See you in the next video.",
        "Thank you so much for listening.",
    ],
)
def test_sign_offs_and_late_credits_are_flagged_where_confidence_is_low(text: str) -> None:
    assert is_credit(text, faint=True)
    assert not is_credit(text, faint=False)


@pytest.mark.parametrize(
    "text", ["you", "Thank you.", "Thank you. Thank you.", "Bye, bye.", "Okay."]
)
def test_stock_phrases_are_flagged_where_confidence_is_low(text: str) -> None:
    assert is_stock(text, faint=True)
    assert not is_stock(text, faint=False)
    assert not is_stock(f"{text} Now the iris hooks.", faint=True)


@pytest.mark.parametrize(
    "text",
    [
        ", ".join(HINTS.words[:12]),
        ", ".join(HINTS.words[20:24]),
        "So, " + ", ".join(HINTS.words[5:9]).upper(),
        HINTS.prompt,
        HINTS.prompt.removeprefix("In this operation on the eye, "),
        "Retina, iris, cornea, limbus, stroma, sclera, pupil, cortex.",
    ],
)
def test_hints_given_back_are_flagged_however_sure_the_recogniser_is(text: str) -> None:
    assert is_prompt(text, HINTS, faint=False)
    assert not is_prompt(text, NO_HOT_WORDS, faint=False)


def test_a_hot_word_alone_is_flagged_only_where_confidence_is_low() -> None:
    assert is_prompt("Endothelium.", HINTS, faint=True)
    assert not is_prompt("Endothelium.", HINTS, faint=False)


@pytest.mark.parametrize(
    ("words", "spoken_s", "flagged"),
    [
        (20, 1.0, True),
        (20, 4.0, False),
        (2, 0.2, False),
        (1, 0.9, False),
        (2, 8.0, True),
        (3, 3.0, False),
        (1, 12.0, True),
    ],
)
def test_pace(words: int, spoken_s: float, flagged: bool) -> None:
    assert is_pace(words, spoken_s) is flagged


def test_nothing_is_taken_out_and_only_flags_change() -> None:
    given = [segment("Iris hooks."), segment("Thank you for watching.", logprob=-1.5)]
    flagged = flag_hallucinations(given, HINTS)
    assert [replace(one, flags=frozenset()) for one in flagged] == given
    assert flagged[1].flags == frozenset({Guard.CREDIT})
    assert flag_hallucinations([], HINTS) == ()
