"""Check that a rewritten narration adds nothing to its source.

No concept may be added (a more general one of the same kind is no addition), no number, no side and no
negation; and what the narration negates or supposes may not become a fact.
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
    """Something in a rewrite that its source lacks."""

    outcome: RewriteOutcome
    item: str


def additions(source: str, rewritten: str, tagger: Tagger) -> tuple[Addition, ...]:
    """Return all that the rewrite adds or reverses; empty for a faithful one."""
    return tuple(_additions(source, rewritten, tagger))


def _additions(source: str, rewritten: str, tagger: Tagger) -> Iterator[Addition]:
    for number in sorted(_numbers(rewritten) - _numbers(source)):
        yield Addition(outcome=RewriteOutcome.ADDED_NUMBER, item=number)
    for side in sorted(_sides(rewritten) - _sides(source)):
        yield Addition(outcome=RewriteOutcome.ADDED_SIDE, item=side)
    before, after = tagger.tag(source), tagger.tag(rewritten)
    known = _with_parents(before, tagger.matcher.ontology)
    for attribute in after:
        if attribute.concept_id is not None and attribute.concept_id not in known:
            yield Addition(outcome=RewriteOutcome.ADDED_CONCEPT, item=attribute.label)
    if _negations(rewritten) > _negations(source):
        yield Addition(outcome=RewriteOutcome.CHANGED_NEGATION, item="a denial")
    assertions = {(a.concept_id, a.assertion) for a in before if a.concept_id}
    known_ids = {concept_id for concept_id, _ in assertions}
    for attribute in after:
        pair = (attribute.concept_id, attribute.assertion)
        if attribute.concept_id in known_ids and pair not in assertions:
            item = f"{attribute.label} is {attribute.assertion}"
            yield Addition(outcome=RewriteOutcome.CHANGED_NEGATION, item=item)


def _numbers(text: str) -> set[str]:
    numbers = _NUMBER.findall(text.lower())
    return {_VALUES.get(number, number.replace(",", ".")) for number in numbers}


def _sides(text: str) -> set[str]:
    return set(_SIDE.findall(text.lower()))


def _negations(text: str) -> int:
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
