"""Edits of a text that can each be undone: leave the edit out and apply the others."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.narrations import Edit


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Apply edits to a text. They may come in any order but must not overlap.

    Raises:
        ValueError: two edits overlap, or one does not fit the text.
    """
    slices: list[str] = []
    end = 0
    for edit in sorted(edits, key=lambda e: (e.start, e.end)):
        if edit.start < end or text[edit.start : edit.end] != edit.before:
            raise ValueError(f"{edit} does not fit {text!r}")
        slices += (text[end : edit.start], edit.after)
        end = edit.end
    return "".join([*slices, text[end:]])
