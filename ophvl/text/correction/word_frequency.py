"""How ordinary a heard word is, and which words are never corrected.

In: words in lower case. Out: log probabilities in nats, from wordfreq's list of 320,000 English words, and
whether a word is protected or is built of Greek and Latin parts as medical words are.
"""

from __future__ import annotations

import math
import re
from functools import cache, lru_cache
from importlib import resources

UNKNOWN = math.log(1e-9)
"""Log probability of a word that the list lacks."""

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
_DENIALS = "no not none never nothing neither nor without cannot deny denies denied absent absence"
_PROTECTED = frozenset(f"{_NUMBERS} {_SIDES} {_DENIALS}".split())
_NEGATED = re.compile(r".*n['\u2019]t")


def is_protected(word: str) -> bool:
    """Whether a word is a number, a side or a negation: these are neither changed nor put in."""
    return word in _PROTECTED or _NEGATED.fullmatch(word) is not None or any(map(str.isdigit, word))


@cache
def _frequencies() -> dict[str, float]:
    from wordfreq import get_frequency_dict

    return get_frequency_dict("en", wordlist="large")


@lru_cache(maxsize=1 << 16)
def log_probability(word: str) -> float:
    """Natural logarithm of a word's share of English text; `UNKNOWN` if it is not listed."""
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
    by_place: dict[str, list[str]] = {"stem": [], "ending": []}
    for line in lines[1:]:
        place, part, _ = line.split("\t")
        by_place[place].append(re.escape(part))
    stems, endings = ("|".join(sorted(by_place[p], key=len, reverse=True)) for p in by_place)
    return re.compile(rf"(?:(?:{stems})(?:o|i|a)?)+(?:{endings})")


@lru_cache(maxsize=1 << 14)
def is_built_of_parts(word: str) -> bool:
    """Whether a word is built as medical words are ("keratolysis"): likely right, though rare."""
    return _parts().fullmatch(word) is not None
