"""Find compounds that no list holds: modified instruments, and terms that share their last word.

An instrument gets the words before it that name its kind ("thirty gauge needle", "ten-oh nylon sutures",
"Jameson hook"). In "superior and inferior rectus" the first word becomes a term as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ophvl.ontology import Concept
from ophvl.ontology.forms import fold_term
from ophvl.text.concepts.cue_index import word_set
from ophvl.text.concepts.matching import Match, Matcher
from schemas.vocab import Kind

COMPOUND_FACTOR = 0.9
"""Score factor of a compound whose concept follows from its last words alone."""

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
_MODIFIERS = word_set(
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
_EPONYM = re.compile(r"[A-Z][a-z]+(?:-[A-Z][a-z]+)?(?:['\u2019]s)?")
_NOT_EPONYMS = word_set("i the a an this that my your now then and with using our dr i'm we")
_COORDINATED = re.compile(r"(?P<first>[^\W\d_]+(?:-[^\W\d_]+)?),? (?:and|or|and the|or the) $")
_CONJUNCTIONS = ("and ", "or ", "and the ", "or the ")
_LOOKBACK = 40
_MAX_MODIFIERS = 3
_COORDINATED_KINDS = frozenset(
    {Kind.ANATOMY, Kind.INSTRUMENT, Kind.SURGERY, Kind.PHASE, Kind.OPERATION, Kind.DISEASE}
)


def extend_instruments(matches: Sequence[Match], text: str, matcher: Matcher) -> list[Match]:
    """Return the matches with each instrument extended by its modifiers; drop what then lies inside it."""
    extended = [_extend(match, matches, text, matcher) for match in matches]
    longer = [(m.start, m.end) for m, old in zip(extended, matches, strict=True) if m is not old]
    return [
        match
        for match in extended
        if not any(
            start <= match.start and match.end <= end and (start, end) != (match.start, match.end)
            for start, end in longer
        )
    ]


def _extend(match: Match, matches: Sequence[Match], text: str, matcher: Matcher) -> Match:
    if match.kind is not Kind.INSTRUMENT:
        return match
    start = match.start
    for _ in range(_MAX_MODIFIERS):
        extended_start = _modifier_start(text, start, matches)
        if extended_start == start:
            break
        start = extended_start
    if start == match.start:
        return match
    concept = _compound_concept(match, text[start : match.end], matcher)
    return replace(
        match,
        start=start,
        surface=text[start : match.end],
        concept_id=concept.concept_id,
        label=concept.label,
        score=match.score * COMPOUND_FACTOR,
    )


def _compound_concept(match: Match, surface: str, matcher: Matcher) -> Concept:
    """Return the concept of the whole compound, else that of its head unless the head has another size."""
    concepts = matcher.ontology.concepts
    head = concepts[match.concept_id]
    size = _SIZE.search(surface)
    if size is None:
        return head
    number = _to_digits(size["number"])
    unit = "0" if size["unit"].lower() in ("oh", "o", "0", "zero") else "gauge"
    form = fold_term(f"{number}-{unit} {surface[size.end() :]}")
    if exact := matcher.concept_of(form, Kind.INSTRUMENT):
        return exact
    if _LISTED_SIZE.match(head.label) and head.parent:
        return concepts[head.parent]
    return head


def _to_digits(number: str) -> str:
    """Convert a number in words to digits: "twenty-seven" is 27."""
    words = re.split(r"[ -]", number.lower())
    return number if number[0].isdigit() else str(sum(_VALUES[word] for word in words))


def _modifier_start(text: str, start: int, matches: Sequence[Match]) -> int:
    """Return the start of the modifier that ends at `start`; `start` itself if there is none."""
    left = max(0, start - _LOOKBACK)
    near = text[left:start]
    if near[-1:] not in (" ", "-"):
        return start
    word = near[:-1].rpartition(" ")[2]
    first = start - 1 - len(word)
    if word.lower().endswith(_UNITS) and (sized := _SIZED.search(near)):
        return left + sized.start()
    if word.lower() in _MODIFIERS:
        return first
    follows_a_word = first > 1 and (
        text[first - 2 : first - 1].isalnum() or text[first - 2 : first] == ", "
    )
    if _EPONYM.fullmatch(word) and follows_a_word and word.lower() not in _NOT_EPONYMS:
        return first
    for match in matches:  # "corneal scissors", "membrane forceps"
        if match.end == start - 1 and match.kind is Kind.ANATOMY:
            return match.start
    return start


def complete_coordinations(
    matches: Sequence[Match], text: str, matcher: Matcher
) -> Iterator[Match]:
    """Yield terms whose last words stand with another: "superior" in "superior and inferior rectus"."""
    for match in matches:
        if match.kind not in _COORDINATED_KINDS or " " not in match.surface:
            continue
        left = max(0, match.start - _LOOKBACK)
        if not text.endswith(_CONJUNCTIONS, left, match.start):
            continue
        coordinated = _COORDINATED.search(text[left : match.start])
        if coordinated is None:
            continue
        parts = fold_term(match.surface).split(" ")
        for cut in range(1, len(parts)):
            form = " ".join([fold_term(coordinated["first"]), *parts[cut:]])
            concept = matcher.concept_of(form, match.kind)
            if concept is not None:
                start = left + coordinated.start("first")
                yield replace(
                    match,
                    start=start,
                    end=start + len(coordinated["first"]),
                    surface=coordinated["first"],
                    concept_id=concept.concept_id,
                    label=concept.label,
                    score=match.score * COMPOUND_FACTOR,
                )
                break
