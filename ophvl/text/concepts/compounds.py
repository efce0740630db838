"""Names that a list cannot hold: open compounds of instruments, and names that share their last word.

In: a text and the terms found in it. Out: the terms, instruments with the words that name their kind
("thirty gauge needle", "ten-oh nylon sutures", "Jameson hook"), and terms that stand for two ("superior
and inferior rectus").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ophvl.ontology import Concept
from ophvl.ontology.forms import fold_term
from ophvl.text.concepts.cue_index import words
from ophvl.text.concepts.matching import Match, Matcher
from schemas.vocab import Kind

COMPOUND_FACTOR = 0.9
"""A name that only its last words give counts a little less."""

_NUMBER = (
    r"(?:\d+(?:\.\d+)?|(?:twenty|thirty|forty)(?:[ -](?:one|two|three|four|five|six|seven|eight"
    r"|nine))?"
    r"|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|eighteen)"
)
_VALUES = (
    {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}
    | {"nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "eighteen": 18}
    | {"twenty": 20, "thirty": 30, "forty": 40}
)
_SIZE = re.compile(rf"(?P<number>{_NUMBER})[ -]?(?P<unit>gauge|gage|g|oh|o|0|zero)[ -]", re.I)
_LISTED_SIZE = re.compile(r"\d+-(?:0|gauge)\b")
_KINDS = words(
    "flat curved straight blunt blunt-tipped sharp angled bent disposable diamond serrated "
    "toothed non-toothed smooth irrigating aspirating grasping tying holding locking "
    "retractable flexible rigid wire glass plastic metal steel silicone titanium soft hard "
    "foldable preloaded three-piece one-piece single-piece multifocal toric monofocal "
    "hydrophobic hydrophilic acrylic absorbable nonabsorbable non-absorbable releasable "
    "adjustable double-armed braided monofilament interrupted running continuous mattress "
    "purse-string bimanual coaxial microincision trailing leading superior inferior nasal "
    "temporal second vacuum guarded pediatric paediatric microsurgical intraocular vertical "
    "horizontal tapered spatulated cutting solid barbed illuminated wide-angle handheld "
    "indirect micro mini fine long short round ring reverse angulated bipolar monopolar "
    "ultrasonic femtosecond argon diode green"
)
_SIZED = re.compile(rf"(?<![\w-]){_NUMBER}[ -]?(?:gauge|gage|g|oh|o|0|zero)[ -]$", re.I)
_UNITS = ("gauge", "gage", "g", "oh", "o", "0", "zero")
_NAME = re.compile(r"[A-Z][a-z]+(?:-[A-Z][a-z]+)?(?:['\u2019]s)?")
_NO_NAMES = words("i the a an this that my your now then and with using our dr i'm we")
_JOINED = re.compile(r"(?P<first>[^\W\d_]+(?:-[^\W\d_]+)?),? (?:and|or|and the|or the) $")
_JOINTS = ("and ", "or ", "and the ", "or the ")
_REACH = 40
_MOST_MODIFIERS = 3
_SHARING = frozenset(
    {Kind.ANATOMY, Kind.INSTRUMENT, Kind.SURGERY, Kind.PHASE, Kind.OPERATION, Kind.DISEASE}
)


def extend(matches: Sequence[Match], text: str, matcher: Matcher) -> list[Match]:
    """The matches, each instrument with the words before it that name its kind; what lies inside goes."""
    extended = [_extended(match, matches, text, matcher) for match in matches]
    longer = [(m.start, m.end) for m, was in zip(extended, matches, strict=True) if m is not was]
    return [
        match
        for match in extended
        if not any(
            start <= match.start and match.end <= end and (start, end) != (match.start, match.end)
            for start, end in longer
        )
    ]


def _extended(match: Match, matches: Sequence[Match], text: str, matcher: Matcher) -> Match:
    if match.kind is not Kind.INSTRUMENT:
        return match
    start = match.start
    for _ in range(_MOST_MODIFIERS):
        before = _modifier_start(text, start, matches)
        if before == start:
            break
        start = before
    if start == match.start:
        return match
    concept = _kind_or_family(match, text[start : match.end], matcher)
    return replace(
        match,
        start=start,
        surface=text[start : match.end],
        concept_id=concept.concept_id,
        label=concept.label,
        score=match.score * COMPOUND_FACTOR,
    )


def _kind_or_family(match: Match, surface: str, matcher: Matcher) -> Concept:
    """The concept of the whole name; else that of its last words, but none of another size."""
    concepts = matcher.ontology.concepts
    named = concepts[match.concept_id]
    size = _SIZE.search(surface)
    if size is None:
        return named
    number = _digits(size["number"])
    unit = "0" if size["unit"].lower() in ("oh", "o", "0", "zero") else "gauge"
    form = fold_term(f"{number}-{unit} {surface[size.end() :]}")
    if exact := matcher.concept_of(form, Kind.INSTRUMENT):
        return exact
    if _LISTED_SIZE.match(named.label) and named.parent:
        return concepts[named.parent]
    return named


def _digits(number: str) -> str:
    """Words of a number as digits: "twenty-seven" is 27."""
    words = re.split(r"[ -]", number.lower())
    return number if number[0].isdigit() else str(sum(_VALUES[word] for word in words))


def _modifier_start(text: str, start: int, matches: Sequence[Match]) -> int:
    left = max(0, start - _REACH)
    near = text[left:start]
    if near[-1:] not in (" ", "-"):
        return start
    word = near[:-1].rpartition(" ")[2]
    first = start - 1 - len(word)
    if word.lower().endswith(_UNITS) and (sized := _SIZED.search(near)):
        return left + sized.start()
    if word.lower() in _KINDS:
        return first
    follows_a_word = first > 1 and (
        text[first - 2 : first - 1].isalnum() or text[first - 2 : first] == ", "
    )
    if _NAME.fullmatch(word) and follows_a_word and word.lower() not in _NO_NAMES:
        return first
    for match in matches:  # "corneal scissors", "membrane forceps"
        if match.end == start - 1 and match.kind is Kind.ANATOMY and text[match.end] in " -":
            return match.start
    return start


def shared_heads(matches: Sequence[Match], text: str, matcher: Matcher) -> Iterator[Match]:
    """Terms whose last words stand with another: "superior" in "superior and inferior rectus"."""
    for match in matches:
        if match.kind not in _SHARING or " " not in match.surface:
            continue
        left = max(0, match.start - _REACH)
        if not text.endswith(_JOINTS, left, match.start):
            continue
        joined = _JOINED.search(text[left : match.start])
        if joined is None:
            continue
        parts = fold_term(match.surface).split(" ")
        for kept in range(1, len(parts)):
            form = " ".join([fold_term(joined["first"]), *parts[kept:]])
            concept = matcher.concept_of(form, match.kind)
            if concept is not None:
                start = left + joined.start("first")
                yield replace(
                    match,
                    start=start,
                    end=start + len(joined["first"]),
                    surface=joined["first"],
                    concept_id=concept.concept_id,
                    label=concept.label,
                    score=match.score * COMPOUND_FACTOR,
                )
                break
