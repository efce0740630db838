"""The reference engine openai-whisper. In: windows of speech. Out: their text with timed words.

https://github.com/openai/whisper
"""

from __future__ import annotations

import base64
import functools
import gzip
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ophvl.errors import ConfigError
from ophvl.ports import Word
from ophvl.speech.ctranslate2_weights import read_openai_weights
from ophvl.speech.engine import RecognisedText, check_request
from ophvl.speech.weights import Weights

if TYPE_CHECKING:
    import torch
    from whisper.model import Whisper
    from whisper.tokenizer import Tokenizer

    from ophvl.ports import Samples


@dataclass(frozen=True, kw_only=True)
class OpenAIWhisper:
    """Whisper on one CPU thread (float32) or a GPU (float16).

    Decoding is deterministic: no sampling, no conditioning on earlier text.
    """

    weights: Weights
    gpu: bool = False
    beam_size: int = 5
    name: str = "openai-whisper"

    @property
    def is_multilingual(self) -> bool:
        """Whether the weights know other languages than English."""
        return bool(self._model.is_multilingual)

    def language_probabilities(self, window: Samples) -> Mapping[str, float]:
        """Return the probability of each language (ISO 639-1)."""
        import whisper

        _, probabilities = whisper.detect_language(self._model, self._mel(window))
        return {str(language): float(p) for language, p in probabilities.items()}

    def recognise(
        self, windows: Sequence[Samples], language: str, hints: str = ""
    ) -> Iterator[RecognisedText]:
        """Yield the text of each window; see `WhisperEngine.recognise`."""
        from whisper.tokenizer import get_tokenizer

        model = self._model
        tokenizer = get_tokenizer(
            model.is_multilingual, num_languages=model.num_languages, language=language
        )
        tokens = len(tokenizer.encode(" " + hints))
        check_request(self.weights, self.is_multilingual, language, tokens if hints else 0)
        for window in windows:
            yield self._recognise_window(window, tokenizer, hints)

    def _recognise_window(
        self, window: Samples, tokenizer: Tokenizer, hints: str
    ) -> RecognisedText:
        import whisper
        from whisper.audio import HOP_LENGTH
        from whisper.timing import add_word_timestamps

        mel = self._mel(window)
        options = whisper.DecodingOptions(
            language=tokenizer.language or "en",
            beam_size=self.beam_size if self.beam_size > 1 else None,
            temperature=0.0,
            without_timestamps=True,
            prompt=hints or None,
            fp16=self.gpu,
        )
        decoded = whisper.decode(self._model, mel, options)
        frames = len(window) // HOP_LENGTH
        timed = {"seek": 0, "start": 0.0, "end": frames / 100, "tokens": decoded.tokens}
        add_word_timestamps(
            segments=[timed],
            model=self._model,
            tokenizer=tokenizer,
            mel=mel,
            num_frames=frames,
            last_speech_timestamp=0.0,
        )
        return RecognisedText(
            text=decoded.text,
            words=tuple(
                Word(
                    word=word["word"],
                    start_s=float(word["start"]),
                    end_s=float(word["end"]),
                    probability=float(word["probability"]),
                    interpolated=False,
                )
                for word in timed["words"]
            ),
            avg_logprob=float(decoded.avg_logprob),
            no_speech_prob=float(decoded.no_speech_prob),
            compression_ratio=float(decoded.compression_ratio),
        )

    def _mel(self, window: Samples) -> torch.Tensor:
        """Return the log-mel spectrogram of 30 s, padded with silence: shape (mel bands, 3000)."""
        import whisper

        padded = whisper.pad_or_trim(window)
        mel: torch.Tensor = whisper.log_mel_spectrogram(padded, n_mels=self._model.dims.n_mels)
        mel = mel.to(self._model.device)
        return mel.half() if self.gpu else mel

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

    converted = read_openai_weights(weights.path)
    model = Whisper(ModelDimensions(**converted.dimensions))
    model.load_state_dict({name: torch.from_numpy(v) for name, v in converted.tensors.items()})
    if converted.alignment_heads:
        heads = np.zeros((model.dims.n_text_layer, model.dims.n_text_head), dtype=bool)
        heads[tuple(zip(*converted.alignment_heads, strict=True))] = True
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
