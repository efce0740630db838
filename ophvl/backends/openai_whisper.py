"""The reference engine openai-whisper. In: speech. Out: segments with timed words.

https://github.com/openai/whisper
"""

from __future__ import annotations

import base64
import functools
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ophvl.backends.ct2_layout import read_openai_weights
from ophvl.backends.weights import Weights
from ophvl.errors import ConfigError
from ophvl.ports import Segment, Word

if TYPE_CHECKING:
    from whisper.model import Whisper

    from ophvl.ports import Samples


@dataclass(frozen=True, kw_only=True)
class OpenAIWhisper:
    """Whisper on one CPU thread (float32) or a GPU (float16); the model is loaded at first use.

    `hot_words` is text that makes its words more likely. Decoding is deterministic: no sampling, no
    memory of what was said before.
    """

    weights: Weights
    gpu: bool = False
    beam_size: int = 5
    hot_words: str = ""
    name: str = "openai-whisper"

    def detect_language(self, samples: Samples) -> tuple[str, float]:
        import whisper

        model = self._model
        if not model.is_multilingual:
            return "en", 1.0
        start = whisper.pad_or_trim(samples)
        mel = whisper.log_mel_spectrogram(start, n_mels=model.dims.n_mels).to(model.device)
        _, probabilities = whisper.detect_language(model, mel)
        language = max(probabilities, key=probabilities.__getitem__)
        return str(language), float(probabilities[language])

    def recognise(self, samples: Samples, language: str) -> Iterator[Segment]:
        import whisper

        if language != "en" and not self._model.is_multilingual:
            raise ConfigError(f"{self.weights.name} knows English only, not '{language}'")
        result = whisper.transcribe(
            self._model,
            samples,
            language=language,
            beam_size=self.beam_size if self.beam_size > 1 else None,
            temperature=0.0,
            condition_on_previous_text=False,
            word_timestamps=True,
            initial_prompt=self.hot_words or None,
            carry_initial_prompt=bool(self.hot_words),
            fp16=self.gpu,
        )
        for heard in result["segments"]:
            words = tuple(
                Word(
                    word=word["word"],
                    start_s=float(word["start"]),
                    end_s=float(word["end"]),
                    probability=float(word["probability"]),
                    interpolated=False,
                )
                for word in heard["words"]
            )
            yield Segment(
                start_s=float(heard["start"]),
                end_s=float(heard["end"]),
                text=heard["text"],
                words=words,
                avg_logprob=float(heard["avg_logprob"]),
                no_speech_prob=float(heard["no_speech_prob"]),
                compression_ratio=float(heard["compression_ratio"]),
            )

    @functools.cached_property
    def _model(self) -> Whisper:
        import numba
        import torch

        # Whisper's word times run on numba, whose first call would raise torch's threads to all cores.
        numba.set_num_threads(1)
        torch.set_num_threads(1)
        model = _read_pt(self.weights) if self.weights.layout == "openai" else _read(self.weights)
        return model.to("cuda" if self.gpu else "cpu").eval()


def _read(weights: Weights) -> Whisper:
    import numpy as np
    import torch
    from whisper.model import ModelDimensions, Whisper

    read = read_openai_weights(weights.path)
    model = Whisper(ModelDimensions(**read.dimensions))
    model.load_state_dict({name: torch.from_numpy(v) for name, v in read.tensors.items()})
    if read.alignment_heads:
        heads = np.zeros((model.dims.n_text_layer, model.dims.n_text_head), dtype=bool)
        heads[tuple(zip(*read.alignment_heads, strict=True))] = True
        model.set_alignment_heads(base64.b85encode(gzip.compress(heads.tobytes())))
    return model


def _read_pt(weights: Weights) -> Whisper:
    """Read an OpenAI checkpoint as tensors; a file that would run code is refused."""
    import pickle

    import torch
    from whisper.model import ModelDimensions, Whisper

    try:
        checkpoint = torch.load(weights.path, map_location="cpu", weights_only=True)
        model = Whisper(ModelDimensions(**checkpoint["dims"]))
        model.load_state_dict(checkpoint["model_state_dict"])
    except (pickle.UnpicklingError, KeyError, TypeError, RuntimeError) as err:
        message = f"{weights.path} is not an OpenAI checkpoint of tensors alone: {err}"
        raise ConfigError(message) from err
    return model
