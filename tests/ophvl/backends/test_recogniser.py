"""Both recognisers, with real weights, on speech: what they hear, when, and what they leave alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import jiwer
import numba
import numpy as np
import pytest
import torch
from whisper.normalizers import EnglishTextNormalizer

from ophvl.backends.faster_whisper import FasterWhisper
from ophvl.backends.openai_whisper import OpenAIWhisper
from ophvl.backends.recogniser import Engine, WhisperRecogniser
from ophvl.backends.weights import Weights
from ophvl.errors import ConfigError
from ophvl.media.audio import FfmpegAudioReader
from ophvl.media.probe import probe
from ophvl.ports import SAMPLE_RATE, Segment, Transcript
from tests.media_factory import make_video, tone
from tests.ophvl.backends.conftest import TEXTS, Speech

pytestmark = pytest.mark.filterwarnings(
    "ignore:unclosed file .*/whisper/:ResourceWarning"  # openai-whisper leaves its own files open.
)

Make = Callable[[Weights], Engine]

ENGINES = [
    pytest.param(lambda weights: FasterWhisper(weights=weights), id="faster-whisper"),
    pytest.param(lambda weights: OpenAIWhisper(weights=weights, beam_size=1), id="openai-whisper"),
]


def transcribe(engine: Engine, samples: Speech) -> Transcript:
    recogniser = WhisperRecogniser(engine=engine)
    return recogniser.transcribe(iter([samples]), len(samples) / SAMPLE_RATE)


def word_errors(engine: Engine, speech: tuple[Speech, ...]) -> float:
    plain = EnglishTextNormalizer()
    heard = [transcribe(engine, said).segments for said in speech]
    texts = [" ".join(segment.text for segment in segments) for segments in heard]
    return float(jiwer.wer([plain(text) for text in TEXTS], [plain(text) for text in texts]))


def check_times(transcript: Transcript, duration_s: float) -> None:
    words = [word for segment in transcript.segments for word in segment.words]
    assert words
    assert all(0.0 <= word.start_s < word.end_s <= duration_s for word in words)
    assert all(a.end_s <= b.start_s + 1e-9 for a, b in pairwise(words))
    for segment in transcript.segments:
        assert (segment.start_s, segment.end_s) == (
            segment.words[0].start_s,
            segment.words[-1].end_s,
        )
        assert "".join(word.word for word in segment.words) == re.sub(r"\s", "", segment.text)
        assert segment.avg_logprob <= 0.0
        assert 0.0 <= segment.no_speech_prob <= 1.0
        assert segment.compression_ratio > 0.0
        assert all(0.0 <= word.probability <= 1.0 for word in segment.words)


@pytest.mark.parametrize("make", ENGINES)
def test_speech_is_heard_with_tiny_en(
    make: Make, tiny_en: Weights, speech: tuple[Speech, ...]
) -> None:
    assert word_errors(make(tiny_en), speech) <= 0.25


@pytest.mark.parametrize("make", ENGINES)
def test_speech_is_heard_with_base(make: Make, base: Weights, speech: tuple[Speech, ...]) -> None:
    engine = make(base)
    assert word_errors(engine, speech) <= 0.22
    language, probability = engine.detect_language(speech[0])
    assert (language, probability > 0.8) == ("en", True)


@pytest.mark.parametrize("make", ENGINES)
def test_words_stand_where_they_are_said(
    make: Make, tiny_en: Weights, speech: tuple[Speech, ...]
) -> None:
    gap_s, said = 8.0, speech[1][: 9 * SAMPLE_RATE]
    gap = np.zeros(round(gap_s * SAMPLE_RATE), dtype=np.float32)
    video = np.concatenate([gap, said, gap, said])
    transcript = transcribe(make(tiny_en), video)
    check_times(transcript, len(video) / SAMPLE_RATE)
    assert transcript.language == "en"
    said_s = len(said) / SAMPLE_RATE
    assert 0.8 * 2 * said_s < transcript.speech_s <= 2 * said_s
    words = [word for segment in transcript.segments for word in segment.words]
    assert words[0].start_s == pytest.approx(gap_s, abs=0.7)
    silent = (gap_s + said_s + 0.3, 2 * gap_s + said_s - 0.3)
    assert not [word for word in words if word.start_s < silent[1] and word.end_s > silent[0]]
    cannula = [word.start_s for word in words if word.word.lower().startswith("cannul")]
    assert len(cannula) == 2
    assert cannula[1] - cannula[0] == pytest.approx(gap_s + said_s, abs=0.5)


def test_both_agree_on_when_a_word_is_said(tiny_en: Weights, speech: tuple[Speech, ...]) -> None:
    spoken = []
    for engine in (FasterWhisper(weights=tiny_en), OpenAIWhisper(weights=tiny_en, beam_size=1)):
        segments = transcribe(engine, speech[1][: 12 * SAMPLE_RATE]).segments
        words = [word for segment in segments for word in segment.words]
        spoken.append({word.word.strip(".,").lower(): word.start_s for word in words})
    shared = spoken[0].keys() & spoken[1].keys()
    assert len(shared) > 15
    apart = np.array([abs(spoken[0][word] - spoken[1][word]) for word in shared])
    assert np.median(apart) < 0.1


@pytest.mark.parametrize("make", ENGINES)
def test_the_same_speech_gives_the_same_transcript(
    make: Make, tiny_en: Weights, speech: tuple[Speech, ...]
) -> None:
    said = speech[2][: 5 * SAMPLE_RATE]
    engine = make(tiny_en)
    assert transcribe(engine, said) == transcribe(engine, said)


def test_word_times_do_not_raise_the_number_of_threads(
    tiny_en: Weights, speech: tuple[Speech, ...]
) -> None:
    transcribe(OpenAIWhisper(weights=tiny_en, beam_size=1), speech[2][: 4 * SAMPLE_RATE])
    assert (torch.get_num_threads(), numba.get_num_threads()) == (1, 1)


def test_hot_words_bring_their_spelling(tiny_en: Weights, speech: tuple[Speech, ...]) -> None:
    said = speech[0][: 10 * SAMPLE_RATE]
    for kind in (FasterWhisper, OpenAIWhisper):
        plain = transcribe(kind(weights=tiny_en, beam_size=1), said)
        hot = transcribe(
            kind(weights=tiny_en, beam_size=1, hot_words="keratome, trypan blue"), said
        )
        spelt = [" ".join(s.text for s in t.segments).lower() for t in (plain, hot)]
        assert "keratome" in spelt[1], kind
        assert spelt[0] != spelt[1]


@dataclass(frozen=True, kw_only=True)
class Untouchable:
    """An engine that must not be asked anything."""

    weights: Weights
    name: str = "untouchable"

    def detect_language(self, samples: Speech) -> tuple[str, float]:
        raise AssertionError

    def recognise(self, samples: Speech, language: str) -> Iterator[Segment]:
        raise AssertionError


@pytest.mark.parametrize("sound", [np.zeros(480_000, dtype=np.float32), tone(30.0)])
def test_silence_and_tones_need_no_engine(sound: Speech, tiny_en: Weights) -> None:
    transcript = transcribe(Untouchable(weights=tiny_en), sound)
    assert transcript == Transcript(
        language=None, language_probability=None, speech_s=0.0, segments=()
    )


def test_the_name_of_the_weights_needs_no_engine(tiny_en: Weights) -> None:
    recogniser = WhisperRecogniser(engine=FasterWhisper(weights=tiny_en))
    assert recogniser.revision == "tiny.en@1a5afae06a4d"
    assert (recogniser.name, recogniser.model) == ("faster-whisper", "tiny.en")
    assert recogniser.model_sha256 == tiny_en.sha256
    assert "_model" not in vars(recogniser.engine)


@pytest.mark.parametrize("make", ENGINES)
def test_english_weights_refuse_another_language(
    make: Make, tiny_en: Weights, speech: tuple[Speech, ...]
) -> None:
    recogniser = WhisperRecogniser(engine=make(tiny_en), language="de")
    with pytest.raises(ConfigError, match=r"tiny\.en knows English only, not 'de'"):
        recogniser.transcribe(iter([speech[0][: 4 * SAMPLE_RATE]]), 4.0)


def test_from_a_video_file_to_words(
    tmp_path: Path, tiny_en: Weights, speech: tuple[Speech, ...]
) -> None:
    said = speech[2][: 10 * SAMPLE_RATE]
    path = make_video(tmp_path / "v.mp4", seconds=10.0, fps=2, audio=said)
    seen = probe(path)
    recogniser = WhisperRecogniser(engine=FasterWhisper(weights=tiny_en))
    transcript = recogniser.transcribe(FfmpegAudioReader().blocks(path), seen.duration_s)
    check_times(transcript, seen.duration_s)
    assert "cortex" in transcript.segments[0].text.lower()
