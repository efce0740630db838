"""Take hesitations out of spoken text. Words that carry meaning are never touched."""

from __future__ import annotations

import re

_HESITATION = re.compile(
    r"(?:^|(?<=\s))(?:[Uu][uhm]*[hm]|[Ee][er]*rm*|[Aa][ah]*h|[Hh]m+|[Mm]m{2,})[,.]?(?=\s|$)"
)
"""Never in capitals, which are abbreviations, and never "mm", which is a unit."""
_STUTTER = re.compile(r"(?i)\b(\w+),? (?=\1\b)")
"""A word said twice in a row."""

_MEANT_TWICE = frozenset({"had", "that", "very"})


def without_disfluencies(text: str) -> str:
    """`text` without "um", "uh" and stuttered words, with its first letter in upper case.

    >>> without_disfluencies("Um, so I I take the the chopper")
    'So I take the chopper'
    """
    text = _HESITATION.sub("", text)
    text = _STUTTER.sub(lambda m: m[0] if _keeps_repeat(m[1]) else "", text)
    text = " ".join(text.split()).lstrip(",.; ")
    return text[:1].upper() + text[1:]


def _keeps_repeat(word: str) -> bool:
    return word.lower() in _MEANT_TWICE or any(c.isdigit() for c in word)
