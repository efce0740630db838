"""Look up how frequent a word is, and which words are never corrected.

Log probabilities are in nats, from wordfreq's list of 320,000 English words. All words are in lower case.
"""

from __future__ import annotations

import math
import re
from functools import cache, lru_cache
from importlib import resources

UNKNOWN = math.log(1e-9)
"""Log probability of a word that is not listed."""

_NUMBERS = (
    "zero oh one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy "
    "eighty ninety hundred thousand million point half quarter third first second fourth "
    "fifth sixth once twice double single millimeter millimeters millimetre millimetres "
    "micron microns gauge percent degree degrees diopter diopters dioptre dioptres"
)
_SIDES = (
    "left right both bilateral unilateral od os ou superior inferior nasal temporal nasally "
    "temporally superiorly inferiorly superonasal superotemporal inferonasal inferotemporal "
    "upper lower medial lateral anterior posterior"
)
_NEGATIONS = (
    "no not none never nothing neither nor without cannot deny denies denied absent absence"
)
_PROTECTED = frozenset(f"{_NUMBERS} {_SIDES} {_NEGATIONS}".split())
_NEGATED_VERB = re.compile(r".*n['\u2019]t")


def is_protected(word: str) -> bool:
    """Tell whether a word is a number, a side or a negation: these are neither changed nor inserted."""
    return (
        word in _PROTECTED
        or _NEGATED_VERB.fullmatch(word) is not None
        or any(map(str.isdigit, word))
    )


@cache
def _frequencies() -> dict[str, float]:
    from wordfreq import get_frequency_dict

    return get_frequency_dict("en", wordlist="large")


@lru_cache(maxsize=1 << 16)
def log_probability(word: str) -> float:
    """Return the natural logarithm of a word's share of English text; `UNKNOWN` if it is not listed."""
    frequency = _frequencies().get(word) or _frequencies().get(word.replace("\u2019", "'"))
    return math.log(frequency) if frequency else UNKNOWN


@cache
def _parts() -> re.Pattern[str]:
    lines = (
        resources.files("ophvl.text.correction")
        .joinpath("word_parts.tsv")
        .read_text("utf-8")
        .splitlines()
    )
    by_position: dict[str, list[str]] = {"stem": [], "ending": []}
    for line in lines[1:]:
        position, part, _ = line.split("\t")
        by_position[position].append(re.escape(part))
    stems, endings = ("|".join(sorted(by_position[p], key=len, reverse=True)) for p in by_position)
    return re.compile(rf"(?:(?:{stems})(?:o|i|a)?)+(?:{endings})")


@lru_cache(maxsize=1 << 14)
def is_built_of_parts(word: str) -> bool:
    """Tell whether a word is built of medical word parts ("keratolysis"): likely correct, though rare."""
    return _parts().fullmatch(word) is not None
