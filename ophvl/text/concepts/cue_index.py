"""Find cues fast: a pattern is tried only where one of the words stands that it can begin with.

In: a text; then patterns with their first words. Out: the matches, in order. Python's `re` tries every
alternative at every character; here a text is split into words once for all the rules that read it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_WORD = re.compile(r"\w+")


class Cues:
    """The words of one text, by their spelling in lower case."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._places: dict[str, list[int]] = {}
        lowered = text.lower()
        if len(lowered) != len(text):  # "\u0130" is one character, its lower case two
            lowered = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
        for word in _WORD.finditer(lowered):
            self._places.setdefault(word.group(), []).append(word.start())

    def any_of(self, words: frozenset[str]) -> bool:
        """Whether one of the words stands in the text."""
        return not words.isdisjoint(self._places)

    def matches(self, pattern: re.Pattern[str], first: frozenset[str]) -> Iterator[re.Match[str]]:
        """Matches of a pattern that begins with one of the words `first`; none over another."""
        present = first & self._places.keys()
        if not present:
            return
        end = 0
        for start in sorted(place for word in present for place in self._places[word]):
            found = pattern.match(self.text, start) if start >= end else None
            if found:
                end = found.end()
                yield found


def words(of: str) -> frozenset[str]:
    """The words of a list that is parted by blanks."""
    return frozenset(of.split())
