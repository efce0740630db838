"""Changes to a text that can each be undone: leave the edit out and apply the others."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.narrations import Edit as Edit


def apply(text: str, edits: Iterable[Edit]) -> str:
    """The text with the edits made, which stand in any order but must not overlap.

    Raises:
        ValueError: two edits overlap, or one does not fit the text.
    """
    pieces: list[str] = []
    done = 0
    for edit in sorted(edits, key=lambda e: (e.start, e.end)):
        if edit.start < done or text[edit.start : edit.end] != edit.before:
            raise ValueError(f"{edit} does not fit {text!r}")
        pieces += (text[done : edit.start], edit.after)
        done = edit.end
    return "".join([*pieces, text[done:]])
