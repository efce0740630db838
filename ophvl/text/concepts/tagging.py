"""Tag a text: terms of the ontology, phrases around them, and the assertion of each.

A phrase (objective, cause of disease, advice for after surgery) may contain terms. Terms of a narration do
not overlap: a term nested in another is linked to it. An action in an objective or in advice is left out,
since it is not done yet.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ophvl.ontology import Register
from ophvl.text.concepts.assertion import Assertion, classify
from ophvl.text.concepts.compounds import complete_coordinations, extend_instruments
from ophvl.text.concepts.cue_index import CueIndex
from ophvl.text.concepts.matching import PHRASE_KINDS, Match, Matcher
from ophvl.text.concepts.phrases import Phrase, find_phrases
from ophvl.text.words import with_blanks
from schemas.vocab import Kind

PHRASE_SCORE = 0.8
"""Score of a phrase that names no concept of its own kind; one that does counts as its term."""

ONTOLOGY, RULES = "ontology", "rules"
"""Sources of an attribute."""

_LEAD = re.compile(
    r"^(?:in order to|so as to|so that|to|for|due to|secondary to|caused by|following|after"
    r"|from|because of)"
    r"\s+(?:the |an? )?",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Attribute:
    """A concept or phrase in a text: `text[start:end] == surface`.

    `concept_id` is None for a phrase that names no concept of its kind; its label is then the phrase
    itself, tidied. `linked` are the ids of the concepts inside: of a phrase's terms, and of those nested in
    a term (the internal limiting membrane in "ILM peeling").
    """

    kind: Kind
    surface: str
    start: int
    end: int
    label: str
    concept_id: str | None
    linked: tuple[str, ...]
    assertion: Assertion
    score: float
    source: str


class Tagger:
    """Tags texts; stores nothing between them."""

    def __init__(self, matcher: Matcher) -> None:
        self.matcher = matcher

    @property
    def revision(self) -> str:
        """Return the revision of the ontology."""
        return self.matcher.revision

    def tag(self, text: str, *, register: Register = Register.TEXT) -> list[Attribute]:
        """Return all attributes of the text by start, the longer first; only narrations have phrases."""
        matches = self.matcher.find(text, register=register)
        if register is Register.TITLE:
            return _attributes(matches, classify(matches, with_blanks(text)))
        cues = CueIndex(text)
        phrases = find_phrases(cues, matches)
        terms = extend_instruments(
            [m for m in matches if m.kind not in PHRASE_KINDS], text, self.matcher
        )
        terms += complete_coordinations(terms, text, self.matcher)
        mentioned = [m for m in terms if not _is_action_in_advice(m, phrases)]
        known = [m for m in matches if m.kind in PHRASE_KINDS]
        phrase_matches = [_phrase_match(phrase, known, text) for phrase in phrases]
        assertions = classify([*mentioned, *phrase_matches], text, cues)
        attributes = _link_nested(_attributes(mentioned, assertions))
        attributes += [
            _phrase(match, assertion, attributes)
            for match, assertion in zip(phrase_matches, assertions[len(mentioned) :], strict=True)
        ]
        return sorted(attributes, key=lambda a: (a.start, -a.end))


def _is_action_in_advice(match: Match, phrases: Sequence[Phrase]) -> bool:
    """Tell whether the match is an action inside an objective or advice: not done, or not in the eye."""
    return match.kind is Kind.ACTION and any(
        phrase.kind is not Kind.DISEASE_CAUSE and phrase.start <= match.start < phrase.end
        for phrase in phrases
    )


def _attributes(matches: Sequence[Match], assertions: Sequence[Assertion]) -> list[Attribute]:
    return [
        Attribute(
            kind=match.kind,
            surface=match.surface,
            start=match.start,
            end=match.end,
            label=match.label,
            concept_id=match.concept_id,
            linked=(),
            assertion=assertion,
            score=match.score,
            source=ONTOLOGY,
        )
        for match, assertion in zip(matches, assertions, strict=False)
    ]


def _link_nested(terms: Sequence[Attribute]) -> list[Attribute]:
    """Return the outer terms, each linked to those nested in it."""
    outer: list[Attribute] = []
    for term in sorted(terms, key=lambda a: (a.start, -a.end)):
        if outer and term.end <= outer[-1].end:
            linked = (*outer[-1].linked, *(i for i in (term.concept_id,) if i))
            outer[-1] = replace(outer[-1], linked=linked)
        else:
            outer.append(term)
    return outer


def _phrase_match(phrase: Phrase, known: Sequence[Match], text: str) -> Match:
    """Return the phrase as the longest concept of its kind inside it; with an empty id if there is none."""
    surface = text[phrase.start : phrase.end]
    own = (
        m
        for m in known
        if m.kind is phrase.kind and phrase.start <= m.start and m.end <= phrase.end
    )
    concept = max(own, key=lambda m: m.end - m.start, default=None)
    return Match(
        start=phrase.start,
        end=phrase.end,
        surface=surface,
        concept_id=concept.concept_id if concept else "",
        kind=phrase.kind,
        label=concept.label if concept else _tidy(surface),
        score=concept.score if concept else PHRASE_SCORE,
    )


def _phrase(match: Match, assertion: Assertion, terms: Sequence[Attribute]) -> Attribute:
    inside = (
        concept_id
        for a in terms
        if match.start <= a.start and a.end <= match.end
        for concept_id in (a.concept_id, *a.linked)
    )
    return Attribute(
        kind=match.kind,
        surface=match.surface,
        start=match.start,
        end=match.end,
        label=match.label,
        concept_id=match.concept_id or None,
        linked=tuple(dict.fromkeys(i for i in inside if i)),
        assertion=assertion,
        score=match.score,
        source=RULES,
    )


def _tidy(surface: str) -> str:
    """Return a phrase as a label: lower case, without the words that open it."""
    return _LEAD.sub("", " ".join(surface.lower().split()), count=1) or surface.lower()
