"""Search a text for cue phrases, and try each pattern only at words that it can begin with.

Python's `re` tries every alternative at every character. Here the text is split into words once for all the
rules that read it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_WORD = re.compile(r"\w+")


class CueIndex:
    """Index of the words of one text: their positions by their spelling in lower case."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._positions: dict[str, list[int]] = {}
        lowered = text.lower()
        if len(lowered) != len(text):  # "\u0130" is one character, its lower case two
            lowered = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
        for word in _WORD.finditer(lowered):
            self._positions.setdefault(word.group(), []).append(word.start())

    def contains_any(self, words: frozenset[str]) -> bool:
        """Tell whether the text contains one of the words (in lower case)."""
        return not words.isdisjoint(self._positions)

    def matches(self, pattern: re.Pattern[str], first: frozenset[str]) -> Iterator[re.Match[str]]:
        """Yield the matches of a pattern in order; they do not overlap.

        Args:
            pattern: a pattern that begins with one of the words of `first`.
            first: words in lower case.
        """
        present = first & self._positions.keys()
        if not present:
            return
        end = 0
        for start in sorted(position for word in present for position in self._positions[word]):
            match = pattern.match(self.text, start) if start >= end else None
            if match:
                end = match.end()
                yield match


def word_set(text: str) -> frozenset[str]:
    """Return the words of a list that is separated by blanks."""
    return frozenset(text.split())
