"""Normalise text once, where it enters: from sites, files, recognisers and servers.

The result has one spelling for what reads the same: composed letters, plain ones for full width, bold and
ligatures, plain blanks, quotes and hyphens, and nothing invisible. What has a value keeps it: superscripts
stay, fractions and units are written out ("2½" is "2 1/2", "㎜" is "mm"). Accents stay. After this, offsets
point into the text that is stored, and nothing else normalises it; matching folds a copy
(`ophvl.ontology.forms`).
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache

TITLE_CHARACTERS = 1_000
DESCRIPTION_CHARACTERS = 100_000
NAME_CHARACTERS = 200
"""Longest title, description, and name of a channel, tag or language; the rest is cut off."""

_MAX_MARKS = 4
"""Combining marks on one letter: more are a game, and cost time."""

_SURE = re.compile(r"[\n -~]*")
"""ASCII without control characters is normal."""

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
"""An entity of HTML with its semicolon: "R&D" and "&notes" hold none."""

_SPELLINGS = {
    **dict.fromkeys("\t\v\f", " "),
    **dict.fromkeys("\x85\u2028\u2029", "\n"),
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u02bc\u2032\u00b4", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", "-"),
    **dict.fromkeys("\u2044\u29f8\u2215", "/"),
}
_KEPT = frozenset(("<super>", "<sub>"))
"""Kinds of compatibility characters whose plain form has another value: 10² is not 102."""


def normalise(text: str, limit: int | None = None) -> str:
    """Return a text in its one spelling, of at most `limit` characters; plain ASCII stays as it is."""
    if _SURE.fullmatch(text):
        return text[:limit]
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    characters: list[str] = []
    marks = 0
    for character in plain:
        spelt = character if character in "\n" or " " <= character <= "~" else _spelt(character)
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks > _MAX_MARKS or not spelt:
            continue
        if spelt[0].isdecimal() and "/" in spelt and characters and characters[-1][-1].isdecimal():
            characters.append(" ")  # "2½" is not "21/2".
        characters.append(spelt)
    return unicodedata.normalize("NFC", "".join(characters))[:limit]


def normalise_markup(text: str, limit: int | None = None) -> str:
    """Return `normalise` of a text whose HTML entities are resolved, also where they were escaped twice."""
    for _ in range(2):
        text = _ENTITY.sub(lambda match: html.unescape(match.group()), text)
    return normalise(text, limit)


@lru_cache(maxsize=8192)
def _spelt(character: str) -> str:
    """Return the one spelling of a character; nothing for one that cannot be seen."""
    if character in _SPELLINGS:
        return _SPELLINGS[character]
    category = unicodedata.category(character)
    if category in ("Cf", "Cs") or _is_variation_selector(character):
        return ""
    if category in ("Cc", "Zs"):
        return " "
    kind, _, codes = unicodedata.decomposition(character).partition(" ")
    if kind and not codes:  # Another code of the same character.
        return _spelt(chr(int(kind, 16)))
    if not kind.startswith("<") or kind in _KEPT:
        return character
    plain = "".join(_spelt(chr(int(code, 16))) for code in codes.split())
    if kind == "<circle>" and not plain.isalpha():
        return character  # A number in a circle is not part of the number before.
    return plain


def _is_variation_selector(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
