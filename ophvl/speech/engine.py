"""The interface of speech recognition engines. In: windows of speech. Out: text and word times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ophvl.errors import ConfigError
from ophvl.ports import Word
from ophvl.speech.weights import Weights

if TYPE_CHECKING:
    from ophvl.ports import Samples

HINT_TOKENS = 223
"""Longest prompt in tokens: half of Whisper's 448 positions, less one for the start token."""


@dataclass(frozen=True, kw_only=True)
class RecognisedText:
    """The text of one window. Times count from its start, in s; words are as the engine gives them."""

    text: str
    words: tuple[Word, ...]
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float


class WhisperEngine(Protocol):
    """A Whisper implementation with its weights, which are loaded at first use.

    A window holds at most 30 s, Whisper's input length. It is decoded without time tokens, because with
    hints these make the model skip parts of the speech. Words are timed by attention afterwards.
    """

    @property
    def name(self) -> str:
        """Name of the engine, as in the settings."""
        ...

    @property
    def weights(self) -> Weights:
        """The weights that it runs."""
        ...

    @property
    def is_multilingual(self) -> bool:
        """Whether the weights know other languages than English."""
        ...

    def language_probabilities(self, window: Samples) -> Mapping[str, float]:
        """Return the probability of each language (ISO 639-1); for multilingual weights only."""
        ...

    def recognise(
        self, windows: Sequence[Samples], language: str, hints: str = ""
    ) -> Iterator[RecognisedText]:
        """Yield the text of each window, in their order; `hints` makes its words and style likelier.

        Raises:
            ConfigError: the weights do not know the language, or `hints` has more than `HINT_TOKENS`.
        """
        ...


def check_request(weights: Weights, multilingual: bool, language: str, hint_tokens: int) -> None:
    """Refuse requests that Whisper would silently get wrong.

    Raises:
        ConfigError: see `WhisperEngine.recognise`.
    """
    if language != "en" and not multilingual:
        raise ConfigError(
            f"{weights.name} knows English only, not '{language}'; choose a multilingual model"
        )
    if hint_tokens > HINT_TOKENS:
        raise ConfigError(
            f"hot words and prompt take {hint_tokens} tokens of {weights.name}, which reads "
            f"{HINT_TOKENS}; shorten the file that transcribe.hot_words names"
        )
