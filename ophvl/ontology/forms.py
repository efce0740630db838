"""Fold text so that two spellings of one term are equal, and derive the variants of a term.

The variants (plural, British spelling, split compounds, verb forms) need not be listed by hand.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from schemas.vocab import Kind

_BLANK = r"[\s\-/_\u2010-\u2013\u2212]"
"""What separates words and folds to one blank: white space, hyphens, slashes, underscores."""

_IRREGULAR = re.compile(
    rf"(?P<blanks>{_BLANK}{{2,}})|(?P<possessive>(?<=\w)['\u2019][sS](?!\w))|(?P<other>[^\x00-\x7f])"
)
"""What does not fold to exactly one character; everything else is folded in bulk."""

_REGULAR = str.maketrans("\t\n\r\f\v-/_", " " * 8)

_BRITISH = (
    ("hemorrh", "haemorrh"),
    ("hemosta", "haemosta"),
    ("hemangi", "haemangi"),
    ("hematoma", "haematoma"),
    ("hyphema", "hyphaema"),
    ("edema", "oedema"),
    ("anesthe", "anaesthe"),
    ("ischemi", "ischaemi"),
    ("leukoma", "leucoma"),
    ("pediatric", "paediatric"),
    ("fiber", "fibre"),
    ("center", "centre"),
    ("tumor", "tumour"),
    ("humor", "humour"),
    ("color", "colour"),
    ("caliper", "calliper"),
    ("sulfur", "sulphur"),
    ("sulfate", "sulphate"),
    ("aging", "ageing"),
    ("izat", "isat"),
    ("ize", "ise"),
    ("izing", "ising"),
)
"""American stem and British stem. Terms are listed in American spelling."""

_SPLITTABLE = re.compile(
    r"\b(anti|endo|hydro|intra|irido|micro|peri|phaco|post|pre|pseudo|retro|sub|supra|trans|visco)"
    r"(?=[a-z]{5})"
)
"""Compounds that are also written in two words: `visco elastic`, `sub conjunctival`."""


@dataclass(frozen=True)
class Folded:
    """Folded text in slices: where each starts, here and in the original; step 0 where the length changed."""

    text: str
    _starts: tuple[int, ...]
    _origins: tuple[int, ...]
    _steps: tuple[int, ...]

    def origin(self, i: int) -> int:
        """Return the position in the original of the folded text's character `i`."""
        index = bisect_right(self._starts, i) - 1
        return self._origins[index] + (i - self._starts[index]) * self._steps[index]


def fold(text: str) -> Folded:
    """Fold case, accents, hyphens, slashes, runs of blanks and possessive endings.

    Folding may change the length ("\u0130" is one character, its lower case two), so positions are
    recorded.
    """
    slices: list[str] = []
    starts: list[int] = []
    origins: list[int] = []
    steps: list[int] = []
    size = end = 0

    def append(folded: str, origin: int, step: int) -> None:
        nonlocal size
        if folded:
            slices.append(folded)
            starts.append(size)
            origins.append(origin)
            steps.append(step)
            size += len(folded)

    for irregular in _IRREGULAR.finditer(text):
        append(text[end : irregular.start()].lower().translate(_REGULAR), end, 1)
        if irregular.lastgroup != "possessive":
            append(
                " " if irregular.lastgroup == "blanks" else _fold_char(irregular.group()),
                irregular.start(),
                0,
            )
        end = irregular.end()
    append(text[end:].lower().translate(_REGULAR), end, 1)
    return Folded("".join(slices), tuple(starts), tuple(origins), tuple(steps))


def fold_term(term: str) -> str:
    """Return the folded text of a term, without outer blanks."""
    return fold(term).text.strip()


@cache
def variants(term: str, kind: Kind) -> frozenset[str]:
    """Return all folded spellings of a listed term: as listed, and by rule."""
    base = fold_term(term)
    forms = {base} | (set(_verb_forms(base)) if kind is Kind.ACTION else _plurals(base))
    for american, british in _BRITISH:
        # Few forms hold the stem: a search of all of them would be most of the time to load the ontology.
        forms |= {re.sub(rf"(?<!o){american}", british, form) for form in forms if american in form}
    return frozenset(forms).union(split for form in forms for split in _splits(form))


@lru_cache(maxsize=4096)
def _fold_char(char: str) -> str:
    if re.match(_BLANK, char):
        return " "
    decomposed = unicodedata.normalize("NFKD", char.casefold())
    return "".join(c for c in decomposed if unicodedata.category(c) not in ("Mn", "Cf"))


def _plurals(form: str) -> set[str]:
    if form.endswith(("xis", "sis")):
        return {form[:-2] + "es"}
    if form.endswith("lens"):
        return {form + "es"}
    if not form[-1].isalpha() or form.endswith("s"):
        return set()
    if form.endswith("y") and form[-2:-1] not in "aeou":
        return {form[:-1] + "ies"}
    if form.endswith(("x", "z", "ch", "sh")):
        return {form + "es"}
    if form.endswith("a"):
        return {form + "s", form + "e"}  # conjunctivas, conjunctivae
    return {form + "s"}


def _verb_forms(verb: str) -> Iterator[str]:
    """Yield third person, past and participle of a regular verb; irregular ones are listed as synonyms.

    Of a phrasal verb the first word is inflected: "lift up", "lifted up".
    """
    head, blank, particle = verb.partition(" ")
    if blank:
        yield from (f"{form} {particle}" for form in _verb_forms(head))
        return
    if verb.endswith("y") and verb[-2] not in "aeou":
        yield from (verb[:-1] + "ies", verb[:-1] + "ied", verb + "ing")
        return
    if verb.endswith(("s", "sh", "ch", "x", "z")):
        yield verb + "es"
    else:
        yield verb + "s"
    if verb.endswith("ie"):
        yield verb + "d"
        yield verb[:-2] + "ying"
        return
    stem = verb.removesuffix("e")
    if re.fullmatch(r"[^aeiou]*[aeiou][^aeiouwxy]", verb) and len(verb) > 2:
        stem += verb[-1]  # trim, trimming
    yield from (stem + "ed", stem + "ing")


def _splits(form: str) -> Iterator[str]:
    for prefix in _SPLITTABLE.finditer(form):
        yield f"{form[: prefix.end()]} {form[prefix.end() :]}"
