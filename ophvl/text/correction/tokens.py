"""What was heard, word by word: how it sounds, what may be changed, which words belong together.

In: a recognised text. Out: its tokens, and the groups of them that may be one misheard term.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ophvl.text.correction.phonetics import letter_names, sounds, without_doubles
from ophvl.text.correction.word_frequency import is_protected

Group = tuple[int, int, tuple[str, ...]]
"""First token, the one after the last, and the words."""

_MAX_WORDS = 4
_MAX_WORDS_BESIDE = 3
_LONGEST_SPELLED = 5
"""Words in capitals that are shorter are read letter by letter."""
_SMALL_WORDS = (
    "am and are as at be been but by from had has have if is it its of on so that their then "
    "there these this those was we were when which while with because before after until"
)
NEVER_AT_AN_EDGE = frozenset(_SMALL_WORDS.split())
"""Small words that are heard right: no group of misheard words begins or ends with one."""
_TOKEN = re.compile(r"[^\W_]+(?:['\u2019][^\W\d_]+)*")
_JOINT = re.compile(r"[ \t\n-]+")
_POSSESSIVE = re.compile(r"['\u2019][sS]$")


@dataclass(frozen=True, slots=True)
class Token:
    """A word as heard: `text[start:end].lower() == word`."""

    start: int
    end: int
    word: str
    sounds: str
    joined: bool
    """Whether only blanks or a hyphen part it from the token before."""
    hyphen: bool
    fixed: bool
    """Whether it must stay: a number, a side, a denial."""
    spelled: bool
    """Whether it stands for letters by name: in capitals, or a single letter."""


def tokens(text: str) -> list[Token]:
    """The words of a text; a possessive ending is left out of its word."""
    heard: list[Token] = []
    done = 0
    for found in _TOKEN.finditer(text):
        bare = _POSSESSIVE.sub("", found.group())
        word = bare.lower()
        gap = text[done : found.start()]
        spelled = len(bare) == 1 or (bare.isupper() and len(bare) < _LONGEST_SPELLED)
        heard.append(
            Token(
                start=found.start(),
                end=found.start() + len(bare),
                word=word,
                sounds=_heard_sounds(word, spelled and gap != "-"),
                joined=bool(heard) and _JOINT.fullmatch(gap) is not None,
                hyphen=gap == "-",
                fixed=is_protected(found.group().lower()),
                spelled=spelled,
            )
        )
        done = found.end()
    return heard


@lru_cache(maxsize=1 << 16)
def _heard_sounds(word: str, spelled: bool = False) -> str:
    if spelled and word not in ("a", "i"):
        return letter_names(word)
    if word.isalpha() and not set(word) & set("aeiouy"):
        return letter_names(word)
    return sounds(word.replace("'", "").replace("\u2019", ""))


def groups(heard: Sequence[Token]) -> Iterator[Group]:
    """Runs of one to four words that no punctuation parts and that hold nothing fixed."""
    for first, token in enumerate(heard):
        if token.fixed:
            continue
        words = [token.word]
        yield first, first + 1, (token.word,)
        if token.word in NEVER_AT_AN_EDGE:
            continue
        for stop in range(first + 1, min(first + _MAX_WORDS, len(heard))):
            if heard[stop].fixed or not heard[stop].joined:
                break
            words.append(heard[stop].word)
            if heard[stop].word not in NEVER_AT_AN_EDGE:
                yield first, stop + 1, tuple(words)


def said(group: Sequence[Token]) -> str:
    """The sounds of the group."""
    return without_doubles("".join(token.sounds for token in group))


def is_mixed(group: Sequence[Token]) -> bool:
    """Whether an abbreviation stands among other words: it is no part of a longer word."""
    return len(group) > 1 and any(t.spelled and len(t.word) > 1 and not t.hyphen for t in group)


def spans_from(heard: Sequence[Token], first: int) -> Iterator[tuple[int, int]]:
    """Runs of one to three words from a place on: first token, and the one after the last."""
    for stop in range(first, min(first + _MAX_WORDS_BESIDE, len(heard))):
        if heard[stop].fixed or not heard[stop].joined:
            return
        yield first, stop + 1


def spans_to(heard: Sequence[Token], stop: int) -> Iterator[tuple[int, int]]:
    """Runs of one to three words up to a place."""
    for first in range(stop - 1, max(-1, stop - 1 - _MAX_WORDS_BESIDE), -1):
        if heard[first].fixed or not heard[first + 1].joined:
            return
        yield first, stop
