"""Classify concepts as present, negated or hypothetical, by the scopes of cues.

A cue opens a scope that ends at the border of its clause. The scope of a cue that follows its object
("sutures were not needed") lies before it. After NegEx
(Chapman et al. 2001, https://doi.org/10.1006/jbin.2001.1029), with cues for narrations of surgery.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ophvl.text.concepts.cue_index import CueIndex, word_set
from ophvl.text.concepts.matching import Match
from schemas.vocab import Kind


class Assertion(StrEnum):
    """Assertion status of a concept in a text, as in clinical NLP."""

    PRESENT = "present"
    NEGATED = "negated"
    """Presence, use or performance is denied."""
    HYPOTHETICAL = "hypothetical"
    """It is a condition or a risk, or is to be avoided."""


_NO_DENIAL_FOLLOWS = (
    r"(?!\s+(?:longer|doubt|problem|matter|more than|only|just|to|merely|least"
    r"|financial|commercial|conflicts?|disclosures?)\b)(?!\.\s*\d)"
)

_NO = rf"\b(?:no|without|absence of|lack of|free of|instead of|rather than|neither|nor){_NO_DENIAL_FOLLOWS}\b"
_NOT = rf"(?:\b(?:not|never|cannot|dont|didnt|doesnt|isnt|wasnt)\b|\b[a-z]+n['\u2019]t\b){_NO_DENIAL_FOLLOWS}"
_NEGATED_BEFORE = (
    r"\b(?:(?:is|are|was|were|be|been)\s+(?:not|never)\s+(?:\w+ly\s+)?"
    r"(?:needed|required|necessary|used|performed|placed|seen|present|done|given|made|noted)"
    r"|(?:isn|aren|wasn|weren)['\u2019]?t\s+(?:needed|required|necessary|used|performed|seen"
    r"|present)"
    r"|(?:is|are|was|were)\s+(?:absent|unnecessary))\b"
)
_SUPPOSED_AFTER = (
    r"(?:(?<!as )\bif\b(?!\s+(?:you|we)\s+(?:\w+\s+)?(?:look|see|notice|watch))"
    r"|\b(?:in case|in the event|unless|whether|risks? of|chances? of|danger of|may|might|could"
    r"|would"
    r"|(?:avoid|prevent)(?:s|ing)?|careful not to|so as not to)\b)"
)
_SUPPOSED_BEFORE = (
    r"\b(?:may|might|can|could|would)\s+(?:also\s+)?(?:occur|happen|result|develop|follow|arise)\b"
)

_CUE = re.compile(
    rf"(?P<negated_before>{_NEGATED_BEFORE})|(?P<supposed_before>{_SUPPOSED_BEFORE})|(?P<supposed>{_SUPPOSED_AFTER})|(?P<no>{_NO})"
    rf"|(?P<not>{_NOT})",
    re.IGNORECASE,
)

_FIRST_WORDS = word_set(
    "no without absence lack free instead rather neither nor not never cannot dont didnt doesnt "
    "isnt wasnt is are was were be been isn aren wasn weren don didn doesn won can couldn "
    "wouldn shouldn hasn haven hadn mustn if in unless whether risk risks chance chances danger "
    "may might could would avoid avoids avoiding prevent prevents preventing careful so"
)
_CONDITION = re.compile(r"if|in case|in the event|unless|whether", re.IGNORECASE)
_CLAUSE_BORDER = re.compile(
    r"[.;:!?\n]|\b(?:but|however|although|though|so|because|since|then|except|while|which|until"
    r"|once|after)\b"
    r"|\band\s+(?=(?:i|we|you|he|she|they|the|then|it|this|now|there|a|an)\b)",
    re.IGNORECASE,
)
_NEW_SUBJECT = re.compile(r"\b(?:i|we)\b", re.IGNORECASE)
_LIST_CONTINUES = re.compile(
    r"\s*(?:(?:and|or|nor)\b|(?:[\w-]+\s+){0,3}?[\w-]+(?:,[^,]*)?,?\s+(?:or|nor)\b)", re.IGNORECASE
)
_BORDER_BEFORE = re.compile(
    r".*(?:[,.;:!?\n]|\b(?:but|and|so|because|that|then)\b)", re.IGNORECASE | re.DOTALL
)
_MANIPULATED = re.compile(
    r"\s*(?:pull|push|touch|remove|withdraw|rotate|lift|grasp|hold|release|tilt|move|drop|turn"
    r"|tighten|cut|damage)\b",
    re.IGNORECASE,
)
_MAX_SCOPE = 90
"""Characters in the longest scope: some fifteen words."""


@dataclass(frozen=True, slots=True)
class CueScope:
    """Span of the text that a cue applies to."""

    start: int
    end: int
    assertion: Assertion
    is_determiner: bool = False
    """Whether the cue is "no", "without" or the like: it applies to the noun itself."""
    is_conditional: bool = False
    """Whether the cue is "if", "in case" or the like: what is denied inside is hypothetical too."""


def find_scopes(text: str, cues: CueIndex | None = None) -> tuple[CueScope, ...]:
    """Return the scopes of all cues for negation and supposition in the text."""
    return tuple(_scopes(text, cues or CueIndex(text)))


def classify(matches: Sequence[Match], text: str, cues: CueIndex | None = None) -> list[Assertion]:
    """Return the assertion of each match, in the same order.

    Of several scopes a conditional one decides; else negation decides over supposition.
    """
    scopes = sorted(find_scopes(text, cues), key=lambda scope: scope.start)
    if not scopes:
        return [Assertion.PRESENT] * len(matches)
    starts = [scope.start for scope in scopes]
    assertions = []
    for match in matches:
        near = scopes[
            bisect_left(starts, match.start - _MAX_SCOPE) : bisect_right(starts, match.start)
        ]
        governing = [scope for scope in near if _governs(scope, match, text)]
        if any(scope.is_conditional for scope in governing):
            assertions.append(Assertion.HYPOTHETICAL)
        elif any(scope.assertion is Assertion.NEGATED for scope in governing):
            assertions.append(Assertion.NEGATED)
        elif governing:
            assertions.append(Assertion.HYPOTHETICAL)
        else:
            assertions.append(Assertion.PRESENT)
    return assertions


def _scopes(text: str, cues: CueIndex) -> Iterator[CueScope]:
    for cue in cues.matches(_CUE, _FIRST_WORDS):
        match cue.lastgroup:
            case "negated_before":
                yield CueScope(_scope_start(text, cue.start()), cue.start(), Assertion.NEGATED)
            case "supposed_before":
                yield CueScope(_scope_start(text, cue.start()), cue.start(), Assertion.HYPOTHETICAL)
            case "supposed":
                end = _scope_end(text, cue.end())
                is_conditional = bool(_CONDITION.match(cue.group()))
                yield CueScope(
                    cue.end(), end, Assertion.HYPOTHETICAL, is_conditional=is_conditional
                )
            case group:
                end = _scope_end(text, cue.end())
                yield CueScope(cue.end(), end, Assertion.NEGATED, is_determiner=group == "no")


def _scope_end(text: str, start: int) -> int:
    """Return the end of a scope that opens at `start`: a clause border, or a comma that ends no list item."""
    border = _CLAUSE_BORDER.search(text, start, start + _MAX_SCOPE)
    end = border.start() if border else min(len(text), start + _MAX_SCOPE)
    for subject in _NEW_SUBJECT.finditer(text, start, end):
        if text[start : subject.start()].strip():  # not the subject of the supposed clause itself
            end = subject.start()
            break
    for comma in re.finditer(",", text[start:end]):
        if not _LIST_CONTINUES.match(text, start + comma.end(), end):
            return start + comma.start()
    return end


def _scope_start(text: str, end: int) -> int:
    """Return the start of a scope that ends before a cue at `end`."""
    start = max(0, end - _MAX_SCOPE)
    border = _BORDER_BEFORE.match(text, start, end)
    return border.end() if border else start


def _governs(scope: CueScope, match: Match, text: str) -> bool:
    """Tell whether the cue of a scope applies to a match in it."""
    if not scope.start <= match.start < scope.end:
        return False
    if match.kind is Kind.INSTRUMENT:  # "do not pull the probe out": it is there
        return scope.is_determiner or not _MANIPULATED.match(text, scope.start, match.start)
    if match.kind is not Kind.ANATOMY:
        return True
    # Tissue is there, whatever is not done to it: only "no capsule" itself denies it.
    between = text[scope.start : match.start].split()
    return (
        scope.is_determiner
        and len(between) <= 1
        and not any(word.endswith("ing") for word in between)
    )
