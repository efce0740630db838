"""What a text denies, and what it only supposes, by rules of scope.

In: a text and the matches in it. Out: an `Assertion` for each match. A cue opens a scope that ends at the
clause's border; cues that follow their object ("sutures were not needed") look back. After NegEx
(Chapman et al. 2001, https://doi.org/10.1006/jbin.2001.1029), with cues for narrated surgery.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ophvl.text.concepts.cue_index import Cues, words
from ophvl.text.concepts.matching import Match
from schemas.vocab import Kind


class Assertion(StrEnum):
    """How a text speaks of a concept."""

    AFFIRMED = "affirmed"
    NEGATED = "negated"
    """Presence, use or performance is denied."""
    HYPOTHETICAL = "hypothetical"
    """It may happen, is supposed, feared or to be avoided."""


_NOT_DENYING = (
    r"(?!\s+(?:longer|doubt|problem|matter|more than|only|just|to|merely|least"
    r"|financial|commercial|conflicts?|disclosures?)\b)(?!\.\s*\d)"
)

_NO = rf"\b(?:no|without|absence of|lack of|free of|instead of|rather than|neither|nor){_NOT_DENYING}\b"
_NOT = rf"(?:\b(?:not|never|cannot|dont|didnt|doesnt|isnt|wasnt)\b|\b[a-z]+n['\u2019]t\b){_NOT_DENYING}"
_PASSED = (
    r"\b(?:(?:is|are|was|were|be|been)\s+(?:not|never)\s+(?:\w+ly\s+)?"
    r"(?:needed|required|necessary|used|performed|placed|seen|present|done|given|made|noted)"
    r"|(?:isn|aren|wasn|weren)['\u2019]?t\s+(?:needed|required|necessary|used|performed|seen"
    r"|present)"
    r"|(?:is|are|was|were)\s+(?:absent|unnecessary))\b"
)
_SUPPOSED = (
    r"(?:(?<!as )\bif\b(?!\s+(?:you|we)\s+(?:\w+\s+)?(?:look|see|notice|watch))"
    r"|\b(?:in case|in the event|unless|whether|risks? of|chances? of|danger of|may|might|could"
    r"|would"
    r"|(?:avoid|prevent)(?:s|ing)?|careful not to|so as not to)\b)"
)
_MAY_HAPPEN = (
    r"\b(?:may|might|can|could|would)\s+(?:also\s+)?(?:occur|happen|result|develop|follow|arise)\b"
)

_CUE = re.compile(
    rf"(?P<passed>{_PASSED})|(?P<may>{_MAY_HAPPEN})|(?P<supposed>{_SUPPOSED})|(?P<no>{_NO})"
    rf"|(?P<not>{_NOT})",
    re.IGNORECASE,
)

_FIRST_WORDS = words(
    "no without absence lack free instead rather neither nor not never cannot dont didnt doesnt "
    "isnt wasnt is are was were be been isn aren wasn weren don didn doesn won can couldn "
    "wouldn shouldn hasn haven hadn mustn if in unless whether risk risks chance chances danger "
    "may might could would avoid avoids avoiding prevent prevents preventing careful so"
)
_CONDITION = re.compile(r"if|in case|in the event|unless|whether", re.IGNORECASE)
_HARD_BORDER = re.compile(
    r"[.;:!?\n]|\b(?:but|however|although|though|so|because|since|then|except|while|which|until"
    r"|once|after)\b"
    r"|\band\s+(?=(?:i|we|you|he|she|they|the|then|it|this|now|there|a|an)\b)",
    re.IGNORECASE,
)
_NEW_SUBJECT = re.compile(r"\b(?:i|we)\b", re.IGNORECASE)
_LIST_GOES_ON = re.compile(
    r"\s*(?:(?:and|or|nor)\b|(?:[\w-]+\s+){0,3}?[\w-]+(?:,[^,]*)?,?\s+(?:or|nor)\b)", re.IGNORECASE
)
_LAST_BORDER = re.compile(
    r".*(?:[,.;:!?\n]|\b(?:but|and|so|because|that|then)\b)", re.IGNORECASE | re.DOTALL
)
_HANDLED = re.compile(
    r"\s*(?:pull|push|touch|remove|withdraw|rotate|lift|grasp|hold|release|tilt|move|drop|turn"
    r"|tighten|cut|damage)\b",
    re.IGNORECASE,
)
_REACH = 90
"""Characters that a scope runs at most: some fifteen words."""


@dataclass(frozen=True, slots=True)
class Scope:
    """A span of the text that a cue governs. `bare` is set for "no", "without" and their like."""

    start: int
    end: int
    assertion: Assertion
    bare: bool = False
    conditional: bool = False
    """"if", "in case": what is denied inside is only supposed as well."""


def scopes(text: str, cues: Cues | None = None) -> tuple[Scope, ...]:
    """All scopes of negation and supposition in the text."""
    return tuple(_scopes(text, cues or Cues(text)))


def judge(matches: Sequence[Match], text: str, cues: Cues | None = None) -> list[Assertion]:
    """One assertion for each match, in the same order. A condition outweighs denial, denial supposition."""
    found = sorted(scopes(text, cues), key=lambda scope: scope.start)
    if not found:
        return [Assertion.AFFIRMED] * len(matches)
    starts = [scope.start for scope in found]
    judged = []
    for match in matches:
        near = found[bisect_left(starts, match.start - _REACH) : bisect_right(starts, match.start)]
        held = [scope for scope in near if _governs(scope, match, text)]
        if any(scope.conditional for scope in held):
            judged.append(Assertion.HYPOTHETICAL)
        elif any(scope.assertion is Assertion.NEGATED for scope in held):
            judged.append(Assertion.NEGATED)
        elif held:
            judged.append(Assertion.HYPOTHETICAL)
        else:
            judged.append(Assertion.AFFIRMED)
    return judged


def _scopes(text: str, cues: Cues) -> Iterator[Scope]:
    for cue in cues.matches(_CUE, _FIRST_WORDS):
        match cue.lastgroup:
            case "passed":
                yield Scope(_back(text, cue.start()), cue.start(), Assertion.NEGATED)
            case "may":
                yield Scope(_back(text, cue.start()), cue.start(), Assertion.HYPOTHETICAL)
            case "supposed":
                end = _forward(text, cue.end())
                conditional = bool(_CONDITION.match(cue.group()))
                yield Scope(cue.end(), end, Assertion.HYPOTHETICAL, conditional=conditional)
            case group:
                end = _forward(text, cue.end())
                yield Scope(cue.end(), end, Assertion.NEGATED, bare=group == "no")


def _forward(text: str, start: int) -> int:
    """Where a scope ends that opens at `start`: at a clause's border, or a comma that continues no list."""
    border = _HARD_BORDER.search(text, start, start + _REACH)
    end = border.start() if border else min(len(text), start + _REACH)
    for subject in _NEW_SUBJECT.finditer(text, start, end):
        if text[start : subject.start()].strip():  # not the subject of the supposed clause itself
            end = subject.start()
            break
    for comma in re.finditer(",", text[start:end]):
        if not _LIST_GOES_ON.match(text, start + comma.end(), end):
            return start + comma.start()
    return end


def _back(text: str, end: int) -> int:
    start = max(0, end - _REACH)
    border = _LAST_BORDER.match(text, start, end)
    return border.end() if border else start


def _governs(scope: Scope, match: Match, text: str) -> bool:
    if not scope.start <= match.start < scope.end:
        return False
    if match.kind is Kind.INSTRUMENT:  # "do not pull the probe out": it is there
        return scope.bare or not _HANDLED.match(text, scope.start, match.start)
    if match.kind is not Kind.ANATOMY:
        return True
    # Tissue is there, whatever is not done to it: only "no capsule" itself denies it.
    between = text[scope.start : match.start].split()
    return scope.bare and len(between) <= 1 and not any(word.endswith("ing") for word in between)
