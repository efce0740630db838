"""Captions of frames, from the names of their instruments alone; and the prompts of the zero-shot test."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.cadis.labels import PLAIN

TEMPLATES = (
    "Here we use {}.",
    "The surgeon works with {} now.",
    "In this view there is {}.",
    "You can see {} over the cornea.",
    "This step is done with {}.",
)
EMPTY = (
    "No instrument is used here.",
    "The surgeon holds nothing now.",
    "In this view the eye is free of instruments.",
    "You can see the bare eye.",
    "This is a pause between two steps.",
)
"""For a frame without instruments, instead of the template with the same number."""


def caption(instruments: Iterable[str], template: int) -> str:
    """Fill the template with the number `template` with a set of the dataset's instruments."""
    named = [_with_article(PLAIN[name]) for name in sorted(instruments)]
    if not named:
        return EMPTY[template]
    *most, last = named
    return TEMPLATES[template].format(f"{', '.join(most)} and {last}" if most else last)


def prompt(instrument: str) -> str:
    """Return the prompt of an instrument in the zero-shot test; no caption has this form."""
    name = _with_article(PLAIN[instrument])
    return f"{name[0].upper()}{name[1:]} is in the eye."


def _with_article(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
