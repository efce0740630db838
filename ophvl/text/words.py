"""Split a text into words: to compare texts regardless of case and punctuation, and to read file names."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W_]+(?:['\u2019.-][^\W_]+)*")


def with_blanks(text: str) -> str:
    """Return a title with the blanks for which file names have underscores; positions stay."""
    return text.replace("_", " ")


def words_of(text: str) -> list[str]:
    """Return the words of a text in folded case, without punctuation."""
    return [word.replace("\u2019", "'") for word in _WORD.findall(text.casefold())]
