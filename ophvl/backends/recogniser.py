"""Speech to text, the same for both Whisper engines, so that their tables agree.

In: audio blocks of one video. Out: its transcript. Voice activity comes first: an engine sees speech
alone, in windows of bounded length, and is not even loaded for a silent video.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from ophvl.backends.speech import SpeechWindow, speech_windows
from ophvl.backends.weights import Weights
from ophvl.backends.words import tidy_words, untimed_words, whole_words
from ophvl.ports import Segment, Transcript

if TYPE_CHECKING:
    from ophvl.ports import Samples


class Engine(Protocol):
    """A Whisper implementation with its weights. Times count from the start of the samples given."""

    @property
    def name(self) -> str: ...

    @property
    def weights(self) -> Weights: ...

    def detect_language(self, samples: Samples) -> tuple[str, float]:
        """ISO 639-1 code of the language spoken in the first 30 s, and its probability."""
        ...

    def recognise(self, samples: Samples, language: str) -> Iterator[Segment]:
        """Segments of the speech, with the words as the engine timed them."""
        ...


@dataclass(frozen=True, kw_only=True)
class WhisperRecogniser:
    """Transcribes with an engine (`ophvl.ports.Recogniser`).

    `language` is an ISO 639-1 code, or None to detect it in the first speech of each video.
    """

    engine: Engine
    language: str | None = None

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
        return self.engine.weights.revision

    @property
    def note(self) -> str:
        return f"{self.engine.name}: {self.engine.weights.note}"

    def transcribe(self, blocks: Iterator[Samples], duration_s: float) -> Transcript:
        """Transcribe one video; what sounds after `duration_s` is left out."""
        language, probability = self.language, 1.0
        speech_s = 0.0
        segments: list[Segment] = []
        for window in speech_windows(blocks, duration_s):
            speech_s += window.speech_s
            if language is None:
                language, probability = self.engine.detect_language(window.samples)
            for segment in self.engine.recognise(window.samples, language):
                if segment.text.strip():
                    segments.append(_placed(segment, window))
        return Transcript(
            language=language if speech_s else None,
            language_probability=probability if speech_s else None,
            speech_s=speech_s,
            segments=tuple(segments),
        )


def _placed(segment: Segment, window: SpeechWindow) -> Segment:
    """The segment in the video's time, from its first word to its last."""
    words = []
    for word in whole_words(segment.words) or untimed_words(segment.text, segment.start_s):
        start_s, end_s = window.in_video(word.start_s, word.end_s)
        words.append(replace(word, word=word.word.strip(), start_s=start_s, end_s=end_s))
    tidy = tidy_words(words, *window.in_video(segment.start_s, segment.end_s))
    return replace(
        segment,
        start_s=tidy[0].start_s,
        end_s=tidy[-1].end_s,
        text=segment.text.strip(),
        words=tidy,
        avg_logprob=min(0.0, segment.avg_logprob),
    )
