"""Convert words to sounds, and measure how far two strings of sounds are apart.

Spelling is read by rules, recognised words and terms alike, so that a fault of the rules affects both sides
and cancels out. Each sound is one character: vowels i (see), e (set), a (hat, hot), o (go), u (do), @
(sofa), A (eye), W (now), O (boy); consonants as written, and T (thin), D (this), S (shoe), C (chin), J
(gin).
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from itertools import accumulate

from rapidfuzz.distance import Levenshtein

_WORDS = {
    "a": "@", "are": "ar", "be": "bi", "do": "du", "does": "d@s", "eye": "A", "eyes": "As",
    "find": "fAnd", "have": "hav", "he": "hi", "i": "A", "kind": "kAnd", "me": "mi", "might": "mAt",
    "mind": "mAnd", "of": "@v", "one": "w@n", "said": "sed", "she": "Si", "some": "s@m",
    "the": "D@", "they": "De", "to": "tu", "two": "tu", "was": "w@s", "we": "wi", "who": "hu",
    "you": "yu", "your": "yor",
}  # fmt: skip
"""Frequent words that break the rules."""

_LETTERS = dict(
    a="e", b="bi", c="si", d="di", e="i", f="ef", g="Ji", h="eC", i="A", j="Je", k="ke", l="el",
    m="em", n="en", o="o", p="pi", q="kyu", r="ar", s="es", t="ti", u="yu", v="vi", w="d@blyu",
    x="eks", y="wA", z="si",
)  # fmt: skip
"""The names of the letters."""

_RULES = tuple(
    (re.compile(pattern), sounds)
    for pattern, sounds in (
        # Silent and Greek beginnings.
        (r"\bp(?=[tsn])|\b[gk](?=n)|\bm(?=n)|\bw(?=r)", ""),
        (r"\bx", "s"),
        # Consonants in groups.
        (r"tch", "C"), (r"sch(?=[lnm])", "S"), (r"sch", "sk"),
        (r"ch(?=[rlts]|o[rln]|a[lr]|ia|ys)|(?<=[oasr])ch(?=i[ot]|e|al)|(?<=u)chs?\b", "k"), (r"ch", "C"),
        (r"ph", "f"), (r"sh", "S"), (r"th", "T"), (r"gh(?=t|\b)", ""), (r"gh", "g"),
        (r"wh", "w"), (r"rrh|rh", "r"), (r"ck", "k"), (r"cc(?=[eiy])", "ks"),
        (r"sc(?=[eiy])", "s"), (r"que\b", "k"), (r"qu", "kw"), (r"x", "ks"), (r"dge", "J"),
        (r"(?:t|s|ss|c)ion", "S@n"), (r"(?:t|c)i(?=a|ou)", "S"), (r"ture\b", "C@r"),
        (r"ng(?=\b|[^aeiouy])", "n"), (r"g(?=[ei]|y)", "J"), (r"c(?=[eiy])", "s"),
        (r"(?<=m)b\b|(?<=l)m\b", ""),
        # Vowels in groups.
        (r"e(?=ation)", "i"), (r"eigh", "e"), (r"igh", "A"), (r"augh|ough", "o"), (r"eau", "o"),
        (r"ee|ea|ae|oe", "i"),
        (r"ei", "A"), (r"eu|ew|ui|oo", "u"), (r"ey\b|ie\b|ie(?=[lfv])", "i"), (r"ai|ay", "e"),
        (r"au|aw|oa", "o"), (r"ous\b", "@s"), (r"ow\b", "o"), (r"ou|ow", "W"), (r"oi|oy", "O"),
        (r"ue\b", "u"), (r"i(?=[aou])", "i"),
        (r"(?<=[xzsc])e(?=s\b)|(?<=ch)e(?=s\b)|(?<=sh)e(?=s\b)", "e"),
        (r"(?<=[^aeiouyrl])le\b", "@l"),
        # Vowels made long by a final e, and that e.
        (r"a(?=[^aeiouywxr]es?\b|ng?e\b)", "e"), (r"i(?=[^aeiouywx]es?\b)", "A"),
        (r"o(?=[^aeiouywxr]es?\b)", "o"), (r"u(?=[^aeiouywx]es?\b)", "u"),
        (r"y(?=[^aeiouy]es?\b)|(?<=\b[a-z])y\b|(?<=\b[a-z][a-z])y\b", "A"),
        (r"(?<=[aeiouy][^aeiouy])e(?=s?\b)|(?<=[aeiouy][^aeiouy][^aeiouy])e(?=s?\b)", ""),
        (r"e\b", "i"), (r"o\b", "o"), (r"\by(?=[aeiou])", "y"), (r"y", "i"),
        (r"u", "@"), (r"o", "a"),
        (r"a", "a"), (r"e", "e"), (r"i", "i"),
        # Single consonants.
        (r"j", "J"), (r"[qck]", "k"), (r"z", "s"), (r"([bdfghlmnprstvw])", r"\1"),
    )
)  # fmt: skip
"""Patterns in the order in which they are tried at each letter, with the sounds of the first that fits."""

VOWELS = frozenset("ieaou@AWO")
_DIPHTHONGS = {"A": "ai", "W": "au", "O": "oi"}

_CLASSES = {
    "p": "P", "b": "P", "f": "P", "v": "P", "t": "T", "d": "T", "T": "T", "D": "T", "k": "K", "g": "K",
    "s": "S", "S": "S", "C": "S", "J": "S", "m": "N", "n": "N", "l": "L", "r": "L", "w": "", "y": "", "h": "",
}  # fmt: skip

_CLOSE = {
    frozenset(pair): cost
    for pairs, cost in (
        ("pb td kg fv sz SC CJ", 0.3),
        ("DT dD tT sS fT vD bv SJ sC sJ", 0.4),
        ("mn", 0.45),
        ("lr pf wv pv bf kC gJ sT tD tC dJ ng wr nl Th", 0.6),
        ("pt kt tk pk bd dg bg dr tr lw lk mb dn fk fs", 0.8),
    )
    for pair in pairs.split()
}
"""Substitution costs of consonants that are easily confused; any other two cost 1."""

_MIN_COST = 0.25
"""The least cost of an insertion, deletion or substitution."""
_VOWEL_CHANGE = 0.25
_VOWEL_CHANGE_FAR = 0.45
_VOWEL_DELETION = 0.4
_NEAR_VOWEL_PAIRS = "ie ea ao ou @a @e @i @o @u Aa Ai ae Wa Oo Oi oW"
_NEAR_VOWELS = {frozenset(pair) for pair in _NEAR_VOWEL_PAIRS.split()}
_DELETION = {
    "h": 0.25,
    "y": 0.25,
    "w": 0.4,
    "r": 0.5,
    "n": 0.8,
    "t": 0.8,
    "d": 0.8,
    "s": 0.9,
    "l": 0.8,
}
"""Costs of inserting or deleting consonants that are easily missed; any other costs 1."""


@lru_cache(maxsize=1 << 16)
def sounds(word: str) -> str:
    """Return the sounds of one word in lower case; what is no Latin letter is silent."""
    if (known := _WORDS.get(word)) is not None:
        return known
    result: list[str] = []
    position = 0
    while position < len(word):
        for pattern, replacement in _RULES:
            if match := pattern.match(word, position):
                result.append(match.expand(replacement) if "\\" in replacement else replacement)
                position = match.end()
                break
        else:
            position += 1
    return without_doubles("".join(result))


def letter_names(letters: str) -> str:
    """Return the sounds of an abbreviation that is read letter by letter."""
    return "".join(_LETTERS.get(letter, "") for letter in letters.lower())


@lru_cache(maxsize=1 << 16)
def key(sound_string: str) -> str:
    """Return the consonants in six classes without doubles: what most mishearings preserve."""
    classes = "".join(_CLASSES.get(sound, "") for sound in sound_string)
    return without_doubles(classes)


@lru_cache(maxsize=1 << 16)
def size(sound_string: str) -> float:
    """Return the cost of deleting all the sounds: vowels count less than consonants."""
    return sum(map(_deletion_cost, sound_string))


def distance(observed: str, intended: str, limit: float = math.inf) -> float:
    """Return the weighted edit distance of two strings of sounds; infinity where it exceeds `limit`."""
    if limit < math.inf:
        most = int(limit / _MIN_COST)
        if Levenshtein.distance(observed, intended, score_cutoff=most) > most:
            return math.inf
    row = [0.0, *accumulate(map(_deletion_cost, intended))]
    costs = [_deletion_cost(sound) for sound in intended]
    for sound in observed:
        deletion = _deletion_cost(sound)
        above, row = row, [row[0] + deletion]
        last = row[0]
        for column, other in enumerate(intended):
            substitution = (
                above[column]
                if sound == other
                else above[column] + _substitution_cost(sound, other)
            )
            last = min(substitution, above[column + 1] + deletion, last + costs[column])
            row.append(last)
        if min(row) > limit:
            return math.inf
    return row[-1] if row[-1] <= limit else math.inf


@lru_cache(maxsize=256)
def _deletion_cost(sound: str) -> float:
    return _VOWEL_DELETION if sound in VOWELS else _DELETION.get(sound, 1.0)


@lru_cache(maxsize=4096)
def _substitution_cost(observed: str, intended: str) -> float:
    vowels = (observed in VOWELS) + (intended in VOWELS)
    if vowels == 2:
        near = frozenset((observed, intended)) in _NEAR_VOWELS
        return _VOWEL_CHANGE if near else _VOWEL_CHANGE_FAR
    if vowels == 1:
        return 2.0
    return _CLOSE.get(frozenset((observed, intended)), 1.0)


def without_doubles(sound_string: str) -> str:
    """Return the string with equal neighbours merged into one."""
    return re.sub(r"(.)\1+", r"\1", sound_string)
