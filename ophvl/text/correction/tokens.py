"""Split a recognised text into tokens, and group those that may be one misheard term."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ophvl.ontology.forms import fold_term
from ophvl.text.correction.phonetics import letter_names, sounds, without_doubles
from ophvl.text.correction.word_frequency import is_protected

Group = tuple[int, int, tuple[str, ...]]
"""First token, the one after the last, and the words."""

_MAX_WORDS = 4
_MAX_COMPLETION_WORDS = 3
_LONGEST_SPELLED = 5
"""Words in capitals that are shorter are read letter by letter."""
_SMALL_WORDS = (
    "am and are as at be been but by from had has have if is it its of on so that their then "
    "there these this those was we were when which while with because before after until"
)
NEVER_AT_AN_EDGE = frozenset(_SMALL_WORDS.split())
"""Small words that are recognised right: no group of misheard words begins or ends with one."""
_TOKEN = re.compile(r"[^\W_]+(?:['\u2019][^\W\d_]+)*")
_JOINT = re.compile(r"[ \t\n-]+")
_POSSESSIVE = re.compile(r"['\u2019][sS]$")


@dataclass(frozen=True, slots=True)
class Token:
    """A recognised word at `text[start:end]`; `word` is it as terms are listed: small letters, no accents."""

    start: int
    end: int
    word: str
    sounds: str
    is_joined: bool
    """Whether only blanks or a hyphen separate it from the token before."""
    after_hyphen: bool
    is_fixed: bool
    """Whether it must stay: a number, a side, a negation."""
    is_spelled: bool
    """Whether it stands for letters by name: in capitals, or a single letter."""


def tokenize(text: str) -> list[Token]:
    """Return the words of a text; a possessive ending is left out of its word."""
    tokens: list[Token] = []
    end = 0
    for match in _TOKEN.finditer(text):
        bare = _POSSESSIVE.sub("", match.group())
        word = bare.lower() if bare.isascii() else fold_term(bare)
        gap = text[end : match.start()]
        is_spelled = len(bare) == 1 or (bare.isupper() and len(bare) < _LONGEST_SPELLED)
        tokens.append(
            Token(
                start=match.start(),
                end=match.start() + len(bare),
                word=word,
                sounds=_sounds(word, is_spelled and gap != "-"),
                is_joined=bool(tokens) and _JOINT.fullmatch(gap) is not None,
                after_hyphen=gap == "-",
                is_fixed=is_protected(match.group().lower()),
                is_spelled=is_spelled,
            )
        )
        end = match.end()
    return tokens


@lru_cache(maxsize=1 << 16)
def _sounds(word: str, is_spelled: bool = False) -> str:
    if is_spelled and word not in ("a", "i"):
        return letter_names(word)
    if word.isalpha() and not set(word) & set("aeiouy"):
        return letter_names(word)
    return sounds(word.replace("'", "").replace("\u2019", ""))


def groups(tokens: Sequence[Token]) -> Iterator[Group]:
    """Yield runs of one to four words without punctuation between them and without fixed tokens."""
    for first, token in enumerate(tokens):
        if token.is_fixed:
            continue
        words = [token.word]
        yield first, first + 1, (token.word,)
        if token.word in NEVER_AT_AN_EDGE:
            continue
        for stop in range(first + 1, min(first + _MAX_WORDS, len(tokens))):
            if tokens[stop].is_fixed or not tokens[stop].is_joined:
                break
            words.append(tokens[stop].word)
            if tokens[stop].word not in NEVER_AT_AN_EDGE:
                yield first, stop + 1, tuple(words)


def sounds_of(group: Sequence[Token]) -> str:
    """Return the sounds of the group."""
    return without_doubles("".join(token.sounds for token in group))


def is_mixed(group: Sequence[Token]) -> bool:
    """Tell whether an abbreviation stands among other words: it is no part of a longer word."""
    return len(group) > 1 and any(
        t.is_spelled and len(t.word) > 1 and not t.after_hyphen for t in group
    )


def spans_from(tokens: Sequence[Token], first: int) -> Iterator[tuple[int, int]]:
    """Yield runs of one to three words from a position on: first token, and the one after the last."""
    for stop in range(first, min(first + _MAX_COMPLETION_WORDS, len(tokens))):
        if tokens[stop].is_fixed or not tokens[stop].is_joined:
            return
        yield first, stop + 1


def spans_to(tokens: Sequence[Token], stop: int) -> Iterator[tuple[int, int]]:
    """Yield runs of one to three words up to a position."""
    for first in range(stop - 1, max(-1, stop - 1 - _MAX_COMPLETION_WORDS), -1):
        if tokens[first].is_fixed or not tokens[first + 1].is_joined:
            return
        yield first, stop
