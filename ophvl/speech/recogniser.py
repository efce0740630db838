"""Speech to text, the same for both Whisper engines, so that their tables agree.

In: audio blocks of one video. Out: its transcript, with flags on what was never said. Voice activity comes
first: an engine hears speech alone, and is not even loaded for a silent video.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from statistics import fmean
from typing import TYPE_CHECKING

from ophvl.ports import HotWords, Language, Segment, Transcript, Word
from ophvl.speech.engine import Engine, Heard
from ophvl.speech.hallucinations import guarded
from ophvl.speech.hot_words import NO_HOT_WORDS
from ophvl.speech.vad import SpeechWindow, speech_windows
from ophvl.speech.word_times import tidy_words, timed_words

if TYPE_CHECKING:
    from ophvl.ports import Samples

BATCH = 8
"""Windows heard at once: up to four minutes of speech."""

LANGUAGE_VOTES = 3
"""Windows that vote on the language: a video may open with words in another."""

SURE_LANGUAGE = 0.5
"""Below this the vote tells nothing, and English is assumed for the text."""

_MISSED_S = 2.0
_LAST_WORD_S = 0.5
_PAUSE_S = 1.0
_SENTENCE_ENDS = (".", "?", "!")


@dataclass(frozen=True, kw_only=True)
class WhisperRecogniser:
    """Transcribes with an engine (`ophvl.ports.Recogniser`).

    `language` is an ISO 639-1 code, or None to detect it in the first speech of each video. English-only
    weights cannot tell languages apart: `detector` does, if there is one; else it stays unknown.
    """

    engine: Engine
    language: str | None = None
    detector: Engine | None = None

    @property
    def name(self) -> str:
        return self.engine.name

    @property
    def model(self) -> str:
        return self.engine.weights.name

    @property
    def model_sha256(self) -> str:
        return self.engine.weights.sha256

    @property
    def revision(self) -> str:
        own = self.engine.weights.revision
        return f"{own}, language by {self.detector.weights.revision}" if self.detector else own

    @property
    def note(self) -> str:
        note = f"{self.engine.name}: {self.engine.weights.note}"
        return f"{note}; language by {self.detector.weights.name}" if self.detector else note

    def transcribe(
        self, blocks: Iterator[Samples], duration_s: float, hot_words: HotWords = NO_HOT_WORDS
    ) -> Transcript:
        """Transcribe one video; what sounds after `duration_s` is left out.

        Hot words are English: they are used for English speech alone. Speech that is surely in a language
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
            for window, heard in self._heard(windows, language, hints.text):
                segments += segments_of(heard, window, language)
        segments.sort(key=lambda segment: segment.start_s)
        return Transcript(
            language=spoken or Language(), speech_s=speech_s, segments=guarded(segments, hints)
        )

    def _heard(
        self, windows: Sequence[SpeechWindow], language: str, hints: str
    ) -> Iterator[tuple[SpeechWindow, Heard]]:
        """What is said in each window, and in the rest of those whose words end long before they do.

        With hints Whisper at times ends early; what it left out is heard by itself, once.
        """
        rests: list[SpeechWindow] = []
        for window, heard in self._recognised(windows, language, hints):
            ended_s = _ended_s(heard)
            if not heard.words or window.length_s - ended_s < _MISSED_S:
                yield window, heard
                continue
            last = replace(heard.words[-1], end_s=ended_s)
            yield window, replace(heard, words=(*heard.words[:-1], last))
            rests.append(window.after(ended_s))
        if rests:
            yield from self._recognised(rests, language, hints)

    def _recognised(
        self, windows: Sequence[SpeechWindow], language: str, hints: str
    ) -> Iterator[tuple[SpeechWindow, Heard]]:
        samples = [window.samples for window in windows]
        return zip(windows, self.engine.recognise(samples, language, hints), strict=True)

    def _language(self, windows: Sequence[SpeechWindow]) -> Language:
        """The language given, or the mean vote of windows spread over `windows`."""
        if self.language:
            return Language(code=self.language, probability=1.0, source="config")
        detector = self.engine if self.engine.is_multilingual else self.detector
        if detector is None:
            return Language()
        steps = range(0, len(windows), -(-len(windows) // LANGUAGE_VOTES))
        votes = [detector.language_probabilities(windows[step].samples) for step in steps]
        shares = {code: fmean(vote.get(code, 0.0) for vote in votes) for code in votes[0]}
        code = max(shares, key=shares.__getitem__)
        return Language(code=code, probability=shares[code], source=detector.weights.name)

    def _text_language(self, spoken: Language) -> str | None:
        """The language to recognise text in; None if the weights do not know the one that is spoken."""
        if self.language:
            return self.language
        if spoken.code is None or (spoken.probability or 0.0) < SURE_LANGUAGE:
            return "en"
        known = spoken.code == "en" or self.engine.is_multilingual
        return spoken.code if known else None


def _batches(windows: Iterable[SpeechWindow], size: int) -> Iterator[list[SpeechWindow]]:
    waiting = iter(windows)
    while batch := list(islice(waiting, size)):
        yield batch


def _ended_s(heard: Heard) -> float:
    """When the last word ends: soon after it begins, for it is drawn out to fill a gap."""
    return (
        min(heard.words[-1].end_s, heard.words[-1].start_s + _LAST_WORD_S) if heard.words else 0.0
    )


def segments_of(heard: Heard, window: SpeechWindow, language: str) -> Iterator[Segment]:
    """What was heard in a window, in the video's time: a segment a sentence, or a stretch without pause."""
    end_s = window.pieces[-1].packed_s + window.pieces[-1].end_s - window.pieces[-1].start_s
    words = []
    for word in timed_words(heard.text, heard.words, 0.0):
        start_s, stop_s = window.in_video(word.start_s, min(word.end_s, end_s))
        words.append(replace(word, start_s=start_s, end_s=stop_s))
    if not words:
        return
    for stretch in _stretches(tidy_words(words, *window.in_video(0.0, end_s))):
        yield Segment(
            start_s=stretch[0].start_s,
            end_s=stretch[-1].end_s,
            text=" ".join(word.word for word in stretch),
            words=tuple(stretch),
            language=language,
            avg_logprob=min(0.0, heard.avg_logprob),
            no_speech_prob=heard.no_speech_prob,
            compression_ratio=heard.compression_ratio,
        )


def _stretches(words: Sequence[Word]) -> Iterator[list[Word]]:
    stretch: list[Word] = []
    for word in words:
        if stretch and (
            word.start_s - stretch[-1].end_s >= _PAUSE_S
            or stretch[-1].word.rstrip("\"')").endswith(_SENTENCE_ENDS)
        ):
            yield stretch
            stretch = []
        stretch.append(word)
    if stretch:
        yield stretch
