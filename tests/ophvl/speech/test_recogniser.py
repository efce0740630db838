"""Both recognisers, with real weights, on speech: what they hear, when, and what they leave alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import jiwer
import numba
import numpy as np
import pytest
import torch
from whisper.normalizers import EnglishTextNormalizer

from ophvl.errors import ConfigError
from ophvl.media.audio import FfmpegAudioReader
from ophvl.media.probe import probe
from ophvl.ports import SAMPLE_RATE, HotWords, Language, MediaFile, Transcript, Word
from ophvl.speech.engine import RecognisedText, WhisperEngine
from ophvl.speech.faster_whisper import FasterWhisper
from ophvl.speech.hallucinations import flag_hallucinations
from ophvl.speech.hot_words import NO_HOT_WORDS, load_hot_words
from ophvl.speech.openai_whisper import OpenAIWhisper
from ophvl.speech.recogniser import WhisperRecogniser, segments_of
from ophvl.speech.vad import SpeechWindow
from ophvl.speech.weights import Weights
from schemas.guards import Guard
from tests.media_factory import make_video, tone
from tests.ophvl.speech.conftest import TEXTS, Speech

pytestmark = pytest.mark.filterwarnings(
    "ignore:unclosed file .*/whisper/:ResourceWarning"  # openai-whisper leaves its own files open.
)

Make = Callable[[Weights], WhisperEngine]

ENGINES = [
    pytest.param(lambda weights: FasterWhisper(weights=weights), id="faster-whisper"),
    pytest.param(lambda weights: OpenAIWhisper(weights=weights, beam_size=1), id="openai-whisper"),
]

TWO_WORDS = replace(NO_HOT_WORDS, words=("keratome", "trypan blue"), prompt="We see the keratome.")


def transcribe(
    engine: WhisperEngine,
    samples: Speech,
    hot_words: HotWords = NO_HOT_WORDS,
    detector: WhisperEngine | None = None,
) -> Transcript:
    recogniser = WhisperRecogniser(engine=engine, detector=detector)
    return recogniser.transcribe(iter([samples]), len(samples) / SAMPLE_RATE, hot_words)


def word_errors(engine: WhisperEngine, speech: tuple[Speech, ...]) -> float:
    plain = EnglishTextNormalizer()
    result = [transcribe(engine, spoken).segments for spoken in speech]
    texts = [" ".join(segment.text for segment in segments) for segments in result]
    spoken = [plain(text) for text in TEXTS[: len(speech)]]
    return float(jiwer.wer(spoken, [plain(text) for text in texts]))


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
        assert " ".join(word.word for word in segment.words) == segment.text
        assert segment.avg_logprob <= 0.0
        assert 0.0 <= segment.no_speech_prob <= 1.0
        assert segment.compression_ratio > 0.0
        assert all(0.0 <= word.probability <= 1.0 for word in segment.words)


@pytest.mark.parametrize("make", ENGINES)
def test_speech_is_recognised_with_tiny_en(
    make: Make, tiny_en: Weights, speech: tuple[Speech, ...]
) -> None:
    assert word_errors(make(tiny_en), speech) <= 0.25


@pytest.mark.parametrize("make", ENGINES)
def test_speech_is_recognised_with_base(
    make: Make, base: Weights, speech: tuple[Speech, ...]
) -> None:
    engine = make(base)
    assert word_errors(engine, speech[:1]) <= 0.25  # One text: base is slow.
    probabilities = engine.language_probabilities(speech[0])
    assert probabilities["en"] > 0.8
    assert sum(probabilities.values()) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("make", ENGINES)
def test_words_are_timed_where_they_are_spoken(
    make: Make, tiny_en: Weights, speech: tuple[Speech, ...]
) -> None:
    gap_s, spoken = 8.0, speech[1][: 9 * SAMPLE_RATE]
    gap = np.zeros(round(gap_s * SAMPLE_RATE), dtype=np.float32)
    video = np.concatenate([gap, spoken, gap, spoken])
    transcript = transcribe(make(tiny_en), video)
    check_times(transcript, len(video) / SAMPLE_RATE)
    assert transcript.language == Language()  # English-only weights cannot tell.
    assert not [segment.flags for segment in transcript.segments if segment.flags]
    said_s = len(spoken) / SAMPLE_RATE
    assert 0.8 * 2 * said_s < transcript.speech_s <= 2 * said_s
    words = [word for segment in transcript.segments for word in segment.words]
    assert words[0].start_s == pytest.approx(gap_s, abs=0.7)
    silent = (gap_s + said_s + 0.3, 2 * gap_s + said_s - 0.3)
    assert not [word for word in words if word.start_s < silent[1] and word.end_s > silent[0]]
    cannula = [word.start_s for word in words if word.word.lower().startswith("cannul")]
    assert len(cannula) == 2
    assert cannula[1] - cannula[0] == pytest.approx(gap_s + said_s, abs=0.5)


def test_both_agree_on_when_a_word_is_spoken(tiny_en: Weights, speech: tuple[Speech, ...]) -> None:
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
    spoken = speech[2][: 5 * SAMPLE_RATE]
    engine = make(tiny_en)
    assert transcribe(engine, spoken) == transcribe(engine, spoken)


def test_word_times_do_not_raise_the_number_of_threads(
    tiny_en: Weights, speech: tuple[Speech, ...]
) -> None:
    transcribe(OpenAIWhisper(weights=tiny_en, beam_size=1), speech[2][: 4 * SAMPLE_RATE])
    assert (torch.get_num_threads(), numba.get_num_threads()) == (1, 1)


@pytest.mark.parametrize("make", ENGINES)
def test_hot_words_bring_their_spelling(
    make: Make, tiny_en: Weights, speech: tuple[Speech, ...]
) -> None:
    spoken = speech[0][: 10 * SAMPLE_RATE]
    engine = make(tiny_en)
    plain, hot = (transcribe(engine, spoken, hints) for hints in (NO_HOT_WORDS, TWO_WORDS))
    spelt = [" ".join(s.text for s in t.segments).lower() for t in (plain, hot)]
    assert "keratome" in spelt[1]
    assert spelt[0] != spelt[1]
    assert not any(segment.flags for segment in hot.segments)


@pytest.mark.parametrize("make", ENGINES)
def test_more_hot_words_than_the_recogniser_reads_are_refused(make: Make, tiny_en: Weights) -> None:
    endless = replace(NO_HOT_WORDS, words=("paracentesis",) * 80)
    with pytest.raises(ConfigError, match=r"take \d+ tokens of tiny\.en, which reads 223"):
        list(make(tiny_en).recognise([tone(1.0)], "en", endless.text))


@pytest.mark.parametrize("make", ENGINES)
@pytest.mark.parametrize("sound", ["silence", "noise"])
def test_what_is_made_of_nothing_is_flagged(make: Make, sound: str, tiny_en: Weights) -> None:
    """Without voice detection before it the recogniser writes something, hot words or not."""
    loudness = 0.05 if sound == "noise" else 0.0
    noise = np.random.default_rng(1).normal(0, 1, 8 * SAMPLE_RATE).astype(np.float32)
    samples = loudness * noise
    window = SpeechWindow.from_samples(samples)
    for hints in (NO_HOT_WORDS, load_hot_words()):
        for result in make(tiny_en).recognise([samples], "en", hints.text):
            segments = flag_hallucinations(list(segments_of(result, window, "en")), hints)
            assert all(segment.flags for segment in segments), segments


@dataclass(frozen=True, kw_only=True)
class Untouchable:
    """An engine that must not be called."""

    weights: Weights
    name: str = "untouchable"

    @property
    def is_multilingual(self) -> bool:
        raise AssertionError

    def language_probabilities(self, window: Speech) -> Mapping[str, float]:
        raise AssertionError

    def recognise(
        self, windows: Sequence[Speech], language: str, hints: str = ""
    ) -> Iterator[RecognisedText]:
        raise AssertionError


@pytest.mark.parametrize("sound", [np.zeros(480_000, dtype=np.float32), tone(30.0)])
def test_silence_and_tones_need_no_engine(sound: Speech, tiny_en: Weights) -> None:
    transcript = transcribe(Untouchable(weights=tiny_en), sound, load_hot_words())
    assert transcript == Transcript(language=Language(), speech_s=0.0, segments=())


@dataclass(frozen=True, kw_only=True)
class FakeEngine:
    """A fake engine that returns the languages and text given, and records its calls."""

    weights: Weights
    votes: Sequence[Mapping[str, float]]
    text: str = ""
    is_multilingual: bool = True
    calls: list[str] = field(default_factory=list)
    name: str = "listed"

    def language_probabilities(self, window: Speech) -> Mapping[str, float]:
        self.calls.append("vote")
        return self.votes[self.calls.count("vote") - 1]

    def recognise(
        self, windows: Sequence[Speech], language: str, hints: str = ""
    ) -> Iterator[RecognisedText]:
        self.calls.append(f"{language} {hints}".strip())
        for window in windows:
            end_s = len(window) / SAMPLE_RATE
            word = Word(
                word=self.text,
                start_s=end_s - 0.5,
                end_s=end_s,
                probability=0.9,
                interpolated=False,
            )
            assert len(window) <= 30 * SAMPLE_RATE
            yield RecognisedText(
                text=self.text,
                words=(word,),
                avg_logprob=-0.2,
                no_speech_prob=0.0,
                compression_ratio=1.0,
            )


def test_windows_vote_on_the_language(tiny_en: Weights, speech: tuple[Speech, ...]) -> None:
    """A greeting in another language does not decide, and English hints are for English alone."""
    votes = [{"en": 0.2, "de": 0.8}, {"en": 0.9, "de": 0.1}, {"en": 0.7, "de": 0.3}]
    video = np.concatenate(speech)
    engine = FakeEngine(weights=tiny_en, votes=votes, text="Iris.")
    result = transcribe(engine, video, TWO_WORDS)
    assert result.language == Language(
        code="en", probability=pytest.approx(0.6), source=tiny_en.name
    )
    assert engine.calls == ["vote"] * 3 + [f"en {TWO_WORDS.text}"]
    german = FakeEngine(weights=tiny_en, votes=[{"en": 0.1, "de": 0.9}] * 3, text=TWO_WORDS.prompt)
    result = transcribe(german, video, replace(TWO_WORDS, words=("we", "see", "the", "keratome")))
    assert result.language.code == "de"
    assert german.calls[-1] == "de"
    assert {segment.language for segment in result.segments} == {"de"}
    # What was not told beforehand cannot be given back.
    assert not any(Guard.PROMPT in segment.flags for segment in result.segments)


@dataclass(frozen=True, kw_only=True)
class EndsEarly(FakeEngine):
    """Leaves off after the first word, and draws it out."""

    def recognise(
        self, windows: Sequence[Speech], language: str, hints: str = ""
    ) -> Iterator[RecognisedText]:
        for window, result in zip(
            windows, FakeEngine.recognise(self, windows, language, hints), strict=True
        ):
            end_s = len(window) / SAMPLE_RATE - 3.0
            yield replace(result, words=(replace(result.words[0], start_s=0.5, end_s=end_s),))


def test_what_was_left_out_at_the_end_is_recognised_separately_once(
    tiny_en: Weights, speech: tuple[Speech, ...]
) -> None:
    spoken = speech[1][: 12 * SAMPLE_RATE]
    engine = EndsEarly(weights=tiny_en, votes=[{"en": 1.0}], text="iris")
    result = transcribe(engine, spoken)
    assert engine.calls == ["vote", "en", "en"]
    first, second = result.segments
    assert first.end_s < 1.6
    assert second.start_s == pytest.approx(first.end_s + 0.5, abs=0.1)


def test_a_multilingual_model_tells_languages_apart_for_one_that_cannot(
    tiny_en: Weights, base: Weights, speech: tuple[Speech, ...]
) -> None:
    spoken = speech[1][: 5 * SAMPLE_RATE]
    result = transcribe(
        FasterWhisper(weights=tiny_en), spoken, detector=FasterWhisper(weights=base)
    )
    assert (result.language.code, result.language.source) == ("en", "base")
    assert (result.language.probability or 0.0) > 0.8
    assert result.segments


@pytest.mark.parametrize(("probability", "recognised"), [(0.9, False), (0.3, True)])
def test_english_weights_do_not_transcribe_speech_clearly_in_another_language(
    probability: float, recognised: bool, tiny_en: Weights, speech: tuple[Speech, ...]
) -> None:
    detector = FakeEngine(weights=tiny_en, votes=[{"fr": probability, "en": 0.1}])
    engine = FakeEngine(weights=tiny_en, votes=[], text="Iris.", is_multilingual=False)
    result = transcribe(engine, speech[0][: 6 * SAMPLE_RATE], detector=detector)
    assert result.language.code == "fr"
    assert bool(result.segments) is recognised
    assert result.speech_s > 3.0


def test_the_name_of_the_weights_needs_no_engine(tiny_en: Weights) -> None:
    recogniser = WhisperRecogniser(engine=FasterWhisper(weights=tiny_en))
    assert recogniser.revision == "tiny.en@1a5afae06a4d"
    assert (recogniser.name, recogniser.model) == ("faster-whisper", "tiny.en")
    assert recogniser.model_sha256 == tiny_en.sha256
    assert "_model" not in vars(recogniser.engine)
    english = WhisperRecogniser(engine=recogniser.engine, detector=recogniser.engine)
    assert english.revision == "tiny.en@1a5afae06a4d, language by tiny.en@1a5afae06a4d"


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
    spoken = speech[2][: 10 * SAMPLE_RATE]
    path = make_video(tmp_path / "v.mp4", seconds=10.0, fps=2, audio=spoken)
    seen = probe(path)
    recogniser = WhisperRecogniser(engine=FasterWhisper(weights=tiny_en))
    transcript = recogniser.transcribe(
        iter(FfmpegAudioReader().blocks(MediaFile(path))), seen.duration_s
    )
    check_times(transcript, seen.duration_s)
    assert "cortex" in transcript.segments[0].text.lower()
