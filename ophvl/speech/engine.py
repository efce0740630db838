"""What an engine must do to be used for recognition. In: windows of speech. Out: text and word times."""

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
"""What Whisper reads of a prompt: half of its 448 positions, less one for the mark that begins it."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What was heard in one window. Times count from its start, in s; words as the engine gives them."""

    text: str
    words: tuple[Word, ...]
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float


class Engine(Protocol):
    """A Whisper implementation with its weights, which are loaded at first use.

    A window holds at most 30 s, what Whisper hears at once. It is decoded without time tokens: with
    hints these make the model skip stretches of speech. Words are timed by attention afterwards.
    """

    @property
    def name(self) -> str: ...

    @property
    def weights(self) -> Weights: ...

    @property
    def is_multilingual(self) -> bool: ...

    def language_probabilities(self, window: Samples) -> Mapping[str, float]:
        """Probability of each language (ISO 639-1); of multilingual weights only."""
        ...

    def recognise(
        self, windows: Sequence[Samples], language: str, hints: str = ""
    ) -> Iterator[Heard]:
        """What is said in each window, in their order. `hints` makes its words and its style likelier.

        Raises:
            ConfigError: the weights do not know the language, or `hints` has more than `HINT_TOKENS`.
        """
        ...


def check_request(weights: Weights, multilingual: bool, language: str, hint_tokens: int) -> None:
    """Refuse what Whisper would do wrong in silence.

    Raises:
        ConfigError: see `Engine.recognise`.
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
