"""Take hesitations out of spoken text. Words that carry meaning are never touched.

In: a text as spoken. Out: the edits that clean it, each with one of these rules:

    hesitation   "um", "uh", "er": never in capitals, which are abbreviations, and never "mm", a unit
    stutter      a word said twice in a row, also with a hesitation between
    stray        punctuation that is left in front
    capital      the first letter in upper case
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ophvl.text.edits import Edit

_HESITATION = re.compile(r"(?:[Uu][uhm]*[hm]|[Ee][er]*rm*|[Aa][ah]*h|[Hh]m+|[Mm]m{2,})[,.]?")
_STRAY = re.compile(r"[,.;]+")
_TOKEN = re.compile(r"\S+")
_MEANT_TWICE = frozenset({"had", "that", "very"})

RULES = frozenset({"hesitation", "stutter", "stray", "capital"})


def disfluency_edits(text: str, corrections: Sequence[Edit] = ()) -> tuple[Edit, ...]:
    """The edits, in order; none of them meets one of the `corrections` of the same text.

    >>> from ophvl.text.edits import apply
    >>> text = "um, so I I take the the chopper"
    >>> apply(text, disfluency_edits(text))
    'So I take the chopper'
    """
    return tuple(
        edit
        for edit in _edits(text)
        if all(edit.end <= c.start or c.end <= edit.start for c in corrections)
    )


def _edits(text: str) -> Iterator[Edit]:
    tokens = list(_TOKEN.finditer(text))
    begun = False
    for place, token in enumerate(tokens):
        word = token.group()
        if rule := _rule(word, tokens[place + 1 :], begun):
            start, end = token.span()
            if begun:
                start = tokens[place - 1].end()
            elif place + 1 < len(tokens):
                end = tokens[place + 1].start()
            yield _edit(start, end, text[start:end], "", rule)
        elif not begun:
            begun = True
            if word[0].islower():
                at = token.start()
                yield _edit(at, at + 1, word[0], word[0].upper(), "capital")


def _rule(word: str, following: Sequence[re.Match[str]], begun: bool) -> str | None:
    """Why a word goes; None if it stays."""
    if _HESITATION.fullmatch(word):
        return "hesitation"
    if not begun and _STRAY.fullmatch(word):
        return "stray"
    bare = word.lower().removesuffix(",")
    after = next((t.group().lower() for t in following if not _HESITATION.fullmatch(t.group())), "")
    if not bare.isalpha() or bare in _MEANT_TWICE:
        return None
    return "stutter" if re.match(rf"{bare}\b(?!['\u2019-])", after) else None


def _edit(start: int, end: int, before: str, after: str, rule: str) -> Edit:
    return Edit(start=start, end=end, before=before, after=after, rule=rule, score=1.0)
