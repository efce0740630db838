"""The words of a text, for comparing texts whatever their case and marks."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W_]+(?:['\u2019.-][^\W_]+)*")


def words_of(text: str) -> list[str]:
    """The words of a text, folded; marks are left out."""
    return [word.replace("\u2019", "'") for word in _WORD.findall(text.casefold())]
