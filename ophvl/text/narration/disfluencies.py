"""Remove hesitations from spoken text. Words that carry meaning are never changed.

Each edit has one of these rules:

    hesitation   "um", "uh", "er": never in capitals, which are abbreviations, and never "mm", a unit
    stutter      a word said twice in a row, also with a hesitation between
    stray        punctuation that remains at the beginning
    capital      the first letter in upper case
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from schemas.narrations import Edit

_HESITATION = re.compile(r"(?:[Uu][uhm]*[hm]|[Ee][er]*rm*|[Aa][ah]*h|[Hh]m+|[Mm]m{2,})[,.]?")
_STRAY = re.compile(r"[,.;]+")
_TOKEN = re.compile(r"\S+")
_CONTINUES = re.compile(r"[\w'\u2019-]")
"""What makes a word that begins like another one a word of its own."""
_LEGITIMATE_REPETITIONS = frozenset({"had", "that", "very"})

RULES = frozenset({"hesitation", "stutter", "stray", "capital"})


def disfluency_edits(text: str, corrections: Sequence[Edit] = ()) -> tuple[Edit, ...]:
    """Return the edits in order; none of them overlaps one of the `corrections` of the same text.

    >>> from ophvl.text.edits import apply
    >>> text = "um, so I I take the the chopper"
    >>> apply(text, disfluency_edits(text))
    'So I take the chopper'
    """
    ordered = sorted(corrections, key=lambda c: c.start)
    starts = [c.start for c in ordered]
    edits = []
    for edit in _edits(text):
        before = bisect_left(
            starts, edit.end
        )  # Corrections do not overlap: the last of these ends last.
        if before == 0 or ordered[before - 1].end <= edit.start:
            edits.append(edit)
    return tuple(edits)


def _edits(text: str) -> Iterator[Edit]:
    tokens = list(_TOKEN.finditer(text))
    following = _next_words([token.group() for token in tokens])
    has_begun = False
    for index, token in enumerate(tokens):
        word = token.group()
        if rule := _rule(word, following[index], has_begun):
            start, end = token.span()
            if has_begun:
                start = tokens[index - 1].end()
            elif index + 1 < len(tokens):
                end = tokens[index + 1].start()
            yield _edit(start, end, text[start:end], "", rule)
        elif not has_begun:
            has_begun = True
            if word[0].islower():
                start = token.start()
                yield _edit(start, start + 1, word[0], word[0].upper(), "capital")


def _next_words(words: Sequence[str]) -> list[str]:
    """Return for each word the next one that is no hesitation, in lower case; empty where there is none."""
    following, after = [""] * len(words), ""
    for index in range(len(words) - 1, -1, -1):
        following[index] = after
        if not _HESITATION.fullmatch(words[index]):
            after = words[index].lower()
    return following


def _rule(word: str, next_word: str, has_begun: bool) -> str | None:
    """Return the rule by which a word is removed; None if it stays."""
    if _HESITATION.fullmatch(word):
        return "hesitation"
    if not has_begun and _STRAY.fullmatch(word):
        return "stray"
    plain = word.lower().removesuffix(",")
    if not plain.isalpha() or plain in _LEGITIMATE_REPETITIONS:
        return None
    is_repeated = next_word.startswith(plain) and not _CONTINUES.match(next_word, len(plain))
    return "stutter" if is_repeated else None


def _edit(start: int, end: int, before: str, after: str, rule: str) -> Edit:
    return Edit(start=start, end=end, before=before, after=after, rule=rule, score=1.0)
