"""Speech to text, the same for both Whisper engines, so that their tables agree.

In: audio blocks of one video. Out: its transcript, with flags on hallucinated text. Voice activity detection
comes first: an engine gets speech alone, and is not even loaded for a silent video.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from statistics import fmean
from typing import TYPE_CHECKING

from ophvl.ports import HotWords, Language, Segment, Transcript, Word
from ophvl.speech.engine import RecognisedText, WhisperEngine
from ophvl.speech.hallucinations import flag_hallucinations
from ophvl.speech.hot_words import NO_HOT_WORDS
from ophvl.speech.vad import SpeechWindow, speech_windows
from ophvl.speech.word_times import align_words, repair_times
from ophvl.unicode import normalise

if TYPE_CHECKING:
    from ophvl.ports import Samples

BATCH = 8
"""Windows result at once: up to four minutes of speech."""

LANGUAGE_WINDOWS = 3
"""Windows whose language is detected and averaged: a video may open with words in another language."""

SURE_LANGUAGE = 0.5
"""Below this probability the language counts as unknown, and English is assumed for the text."""

_MISSED_S = 2.0
"""If the words end this long before the window does, the rest is recognised once more."""
_LAST_WORD_S = 0.5
"""Longest duration of a last word: Whisper extends it into the silence."""
_PAUSE_S = 1.0
"""A pause of this length ends a segment."""
_SENTENCE_ENDS = (".", "?", "!")


@dataclass(frozen=True, kw_only=True)
class WhisperRecogniser:
    """Transcribes with an engine (`ophvl.ports.Recogniser`).

    `language` is an ISO 639-1 code, or None to detect it in the first speech of each video. English-only
    weights cannot detect languages: `detector` does, if there is one; else the language stays unknown.
    """

    engine: WhisperEngine
    language: str | None = None
    detector: WhisperEngine | None = None

    @property
    def name(self) -> str:
        """Name of the engine."""
        return self.engine.name

    @property
    def model(self) -> str:
        """Name of the weights."""
        return self.engine.weights.name

    @property
    def model_sha256(self) -> str:
        """Hash of the weights."""
        return self.engine.weights.sha256

    @property
    def revision(self) -> str:
        """Names the weights that decide the transcript."""
        own = self.engine.weights.revision
        return f"{own}, language by {self.detector.weights.revision}" if self.detector else own

    @property
    def note(self) -> str:
        """Which engine and weights are used, and why, in words."""
        note = f"{self.engine.name}: {self.engine.weights.note}"
        return f"{note}; language by {self.detector.weights.name}" if self.detector else note

    def transcribe(
        self, blocks: Iterator[Samples], duration_s: float, hot_words: HotWords = NO_HOT_WORDS
    ) -> Transcript:
        """Transcribe one video; sound after `duration_s` is left out.

        Hot words are English: they are used for English speech alone. Speech that is clearly in a language
        which the weights do not know gives no segments.
        """
        spoken: Language | None = None
        hints = NO_HOT_WORDS
        speech_s = 0.0
        segments: list[Segment] = []
        for windows in _batches(speech_windows(blocks, duration_s), BATCH):
            speech_s += sum(window.speech_s for window in windows)
            spoken = spoken or self._language(windows)
            language = self._text_language(spoken)
            if language is None:
                continue
            hints = hot_words if language == "en" else NO_HOT_WORDS
            for window, result in self._recognise_fully(windows, language, hints.text):
                segments += segments_of(result, window, language)
        segments.sort(key=lambda segment: segment.start_s)
        return Transcript(
            language=spoken or Language(),
            speech_s=speech_s,
            segments=flag_hallucinations(segments, hints),
        )

    def _recognise_fully(
        self, windows: Sequence[SpeechWindow], language: str, hints: str
    ) -> Iterator[tuple[SpeechWindow, RecognisedText]]:
        """Yield the text of each window, and of the rest of those whose words end long before they do.

        With hints Whisper sometimes ends early; the rest of the window is then recognised separately, once.
        """
        rests: list[SpeechWindow] = []
        for window, result in self._recognise(windows, language, hints):
            speech_end_s = _speech_end_s(result)
            if not result.words or window.length_s - speech_end_s < _MISSED_S:
                yield window, result
                continue
            last = replace(result.words[-1], end_s=speech_end_s)
            yield window, replace(result, words=(*result.words[:-1], last))
            rests.append(window.after(speech_end_s))
        if rests:
            yield from self._recognise(rests, language, hints)

    def _recognise(
        self, windows: Sequence[SpeechWindow], language: str, hints: str
    ) -> Iterator[tuple[SpeechWindow, RecognisedText]]:
        samples = [window.samples for window in windows]
        return zip(windows, self.engine.recognise(samples, language, hints), strict=True)

    def _language(self, windows: Sequence[SpeechWindow]) -> Language:
        """Return the language of the setting, or the mean detection over some of `windows`."""
        if self.language:
            return Language(code=self.language, probability=1.0, source="config")
        detector = self.engine if self.engine.is_multilingual else self.detector
        if detector is None:
            return Language()
        steps = range(0, len(windows), -(-len(windows) // LANGUAGE_WINDOWS))
        detections = [detector.language_probabilities(windows[step].samples) for step in steps]
        shares = {code: fmean(one.get(code, 0.0) for one in detections) for code in detections[0]}
        code = max(shares, key=shares.__getitem__)
        return Language(code=code, probability=shares[code], source=detector.weights.name)

    def _text_language(self, spoken: Language) -> str | None:
        """Return the language to recognise text in; None if the weights do not know the spoken one."""
        if self.language:
            return self.language
        if spoken.code is None or (spoken.probability or 0.0) < SURE_LANGUAGE:
            return "en"
        known = spoken.code == "en" or self.engine.is_multilingual
        return spoken.code if known else None


def _batches(windows: Iterable[SpeechWindow], size: int) -> Iterator[list[SpeechWindow]]:
    iterator = iter(windows)
    while batch := list(islice(iterator, size)):
        yield batch


def _speech_end_s(result: RecognisedText) -> float:
    """Return when the last word ends: soon after its start, as Whisper extends it into silence."""
    return (
        min(result.words[-1].end_s, result.words[-1].start_s + _LAST_WORD_S)
        if result.words
        else 0.0
    )


def segments_of(result: RecognisedText, window: SpeechWindow, language: str) -> Iterator[Segment]:
    """Yield the segments of a window in video time: each a sentence, or words without a pause."""
    end_s = window.slices[-1].packed_s + window.slices[-1].end_s - window.slices[-1].start_s
    words = []
    for word in align_words(result.text, result.words, 0.0):
        start_s, stop_s = window.to_video_time(word.start_s, min(word.end_s, end_s))
        if text := normalise(word.word).strip():
            words.append(replace(word, word=text, start_s=start_s, end_s=stop_s))
    if not words:
        return
    for span in _sentence_spans(repair_times(words, *window.to_video_time(0.0, end_s))):
        yield Segment(
            start_s=span[0].start_s,
            end_s=span[-1].end_s,
            text=" ".join(word.word for word in span),
            words=tuple(span),
            language=language,
            avg_logprob=min(0.0, result.avg_logprob),
            no_speech_prob=result.no_speech_prob,
            compression_ratio=result.compression_ratio,
        )


def _sentence_spans(words: Sequence[Word]) -> Iterator[list[Word]]:
    span: list[Word] = []
    for word in words:
        if span and (
            word.start_s - span[-1].end_s >= _PAUSE_S
            or span[-1].word.rstrip("\"')").endswith(_SENTENCE_ENDS)
        ):
            yield span
            span = []
        span.append(word)
    if span:
        yield span
