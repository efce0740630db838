"""Whether a rewritten narration keeps to what was said.

In: the narration and its rewrite, both tagged. Out: what the rewrite adds. Nothing may be added: no
concept (a more general one of the same kind is none), no number, no side, no denial; and what the
narration denies or supposes may not become a fact.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ophvl.ontology import Ontology
from ophvl.text.concepts.assertion import Assertion, find_scopes
from ophvl.text.concepts.tagging import Attribute, Tagger
from schemas.vocab import RewriteOutcome

_UNITS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
_TENS = (
    "seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred half"
)
_NUMBER = re.compile(rf"\d+(?:[.,]\d+)?|\b(?:{'|'.join([*_UNITS.split(), *_TENS.split()])})\b")
_VALUES = {word: str(value) for value, word in enumerate(_UNITS.split(), start=1)}
_SIDE = re.compile(
    r"\b(?:right|left|both|bilateral|superior|inferior|nasal|temporal|superonasal|superotemporal"
    r"|inferonasal|inferotemporal|upper|lower)\b"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Addition:
    """What a rewrite holds that its source does not."""

    outcome: RewriteOutcome
    what: str


def additions(source: str, rewritten: str, tagger: Tagger) -> tuple[Addition, ...]:
    """All that the rewrite adds or turns round; empty for a faithful one."""
    return tuple(_additions(source, rewritten, tagger))


def _additions(source: str, rewritten: str, tagger: Tagger) -> Iterator[Addition]:
    for number in sorted(_numbers(rewritten) - _numbers(source)):
        yield Addition(outcome=RewriteOutcome.ADDED_NUMBER, what=number)
    for side in sorted(_sides(rewritten) - _sides(source)):
        yield Addition(outcome=RewriteOutcome.ADDED_SIDE, what=side)
    before, after = tagger.tag(source), tagger.tag(rewritten)
    known = _with_parents(before, tagger.matcher.ontology)
    for attribute in after:
        if attribute.concept_id is not None and attribute.concept_id not in known:
            yield Addition(outcome=RewriteOutcome.ADDED_CONCEPT, what=attribute.label)
    if _denials(rewritten) > _denials(source):
        yield Addition(outcome=RewriteOutcome.CHANGED_NEGATION, what="a denial")
    said = {(a.concept_id, a.assertion) for a in before if a.concept_id}
    named = {concept_id for concept_id, _ in said}
    for attribute in after:
        stated = (attribute.concept_id, attribute.assertion)
        if attribute.concept_id in named and stated not in said:
            what = f"{attribute.label} is {attribute.assertion}"
            yield Addition(outcome=RewriteOutcome.CHANGED_NEGATION, what=what)


def _numbers(text: str) -> set[str]:
    found = _NUMBER.findall(text.lower())
    return {_VALUES.get(number, number.replace(",", ".")) for number in found}


def _sides(text: str) -> set[str]:
    return set(_SIDE.findall(text.lower()))


def _denials(text: str) -> int:
    return sum(scope.assertion is Assertion.NEGATED for scope in find_scopes(text))


def _with_parents(attributes: Sequence[Attribute], ontology: Ontology) -> set[str]:
    known: set[str] = set()
    for attribute in attributes:
        for concept_id in (attribute.concept_id, *attribute.linked):
            above = concept_id
            while above is not None and above not in known:
                known.add(above)
                above = ontology.concepts[above].parent
    return known
