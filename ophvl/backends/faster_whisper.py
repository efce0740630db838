"""The engine faster-whisper (CTranslate2). In: speech. Out: segments with timed words.

https://github.com/SYSTRAN/faster-whisper
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ophvl.backends.weights import Weights
from ophvl.errors import ConfigError
from ophvl.ports import Segment, Word

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

    from ophvl.ports import Samples


@dataclass(frozen=True, kw_only=True)
class FasterWhisper:
    """Whisper on one CPU thread (int8) or a GPU (float16); the model is loaded at first use.

    `hot_words` is text that makes its words more likely. Decoding is deterministic: no sampling, no
    memory of what was said before.
    """

    weights: Weights
    gpu: bool = False
    beam_size: int = 5
    hot_words: str = ""
    name: str = "faster-whisper"

    def detect_language(self, samples: Samples) -> tuple[str, float]:
        if not self._model.model.is_multilingual:
            return "en", 1.0
        language, probability, _ = self._model.detect_language(samples)
        return language, probability

    def recognise(self, samples: Samples, language: str) -> Iterator[Segment]:
        if language != "en" and not self._model.model.is_multilingual:
            raise ConfigError(f"{self.weights.name} knows English only, not '{language}'")
        found, _ = self._model.transcribe(
            samples,
            language=language,
            beam_size=self.beam_size,
            temperature=0.0,
            condition_on_previous_text=False,
            word_timestamps=True,
            hotwords=self.hot_words or None,
        )
        for heard in found:
            words = tuple(
                Word(
                    word=word.word,
                    start_s=float(word.start),
                    end_s=float(word.end),
                    probability=float(word.probability),
                    interpolated=False,
                )
                for word in heard.words or ()
            )
            yield Segment(
                start_s=float(heard.start),
                end_s=float(heard.end),
                text=heard.text,
                words=words,
                avg_logprob=heard.avg_logprob,
                no_speech_prob=heard.no_speech_prob,
                compression_ratio=heard.compression_ratio,
            )

    @functools.cached_property
    def _model(self) -> WhisperModel:
        from faster_whisper import WhisperModel

        if self.weights.layout != "ctranslate2":
            raise ConfigError(
                f"faster-whisper cannot read {self.weights.path}; give a folder in CTranslate2's "
                "layout, or set transcribe.recogniser to openai-whisper"
            )
        return WhisperModel(
            str(self.weights.path),
            device="cuda" if self.gpu else "cpu",
            compute_type="float16" if self.gpu else "int8",
            cpu_threads=1,
            local_files_only=True,
        )
