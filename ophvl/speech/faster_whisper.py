"""The engine faster-whisper (CTranslate2). In: windows of speech. Out: their text with timed words.

https://github.com/SYSTRAN/faster-whisper
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ophvl.errors import ConfigError
from ophvl.ports import SAMPLE_RATE, Word
from ophvl.speech.engine import RecognisedText, check_request
from ophvl.speech.weights import Weights

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.transcribe import Segment

    from ophvl.ports import Samples

_GPU_BATCH = 8


@dataclass(frozen=True, kw_only=True)
class FasterWhisper:
    """Whisper on one CPU thread (int8) or a GPU (float16, several windows at once).

    Decoding is deterministic: no sampling, no conditioning on earlier text.
    """

    weights: Weights
    gpu: bool = False
    beam_size: int = 5
    name: str = "faster-whisper"

    @property
    def is_multilingual(self) -> bool:
        """Whether the weights know other languages than English."""
        return bool(self._model.model.is_multilingual)

    def language_probabilities(self, window: Samples) -> Mapping[str, float]:
        """Return the probability of each language (ISO 639-1)."""
        _, _, probabilities = self._model.detect_language(window)
        return dict(probabilities)

    def recognise(
        self, windows: Sequence[Samples], language: str, hints: str = ""
    ) -> Iterator[RecognisedText]:
        """Yield the text of each window; see `WhisperEngine.recognise`."""
        import numpy as np
        from faster_whisper import BatchedInferencePipeline

        tokens = len(self._model.hf_tokenizer.encode(" " + hints, add_special_tokens=False).ids)
        check_request(self.weights, self.is_multilingual, language, tokens if hints else 0)
        ends_s = np.cumsum([len(window) / SAMPLE_RATE for window in windows]).tolist()
        starts_s = [0.0, *ends_s[:-1]]
        segments, _ = BatchedInferencePipeline(self._model).transcribe(
            np.concatenate(windows),
            clip_timestamps=[
                {"start": start_s, "end": end_s}
                for start_s, end_s in zip(starts_s, ends_s, strict=True)
            ],
            batch_size=_GPU_BATCH if self.gpu else 1,
            language=language,
            beam_size=self.beam_size,
            temperature=0.0,
            without_timestamps=True,
            word_timestamps=True,
            hotwords=hints or None,
        )
        for start_s, segment in zip(starts_s, segments, strict=True):
            yield _recognised_text(segment, start_s)

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


def _recognised_text(segment: Segment, start_s: float) -> RecognisedText:
    """Convert a segment; its times will count from `start_s`."""
    return RecognisedText(
        text=segment.text,
        words=tuple(
            Word(
                word=word.word,
                start_s=max(0.0, float(word.start) - start_s),
                end_s=max(0.0, float(word.end) - start_s),
                probability=float(word.probability),
                interpolated=False,
            )
            for word in segment.words or ()
        ),
        avg_logprob=float(segment.avg_logprob),
        no_speech_prob=float(segment.no_speech_prob),
        compression_ratio=float(segment.compression_ratio),
    )
