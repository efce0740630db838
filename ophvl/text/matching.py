"""Find the ontology's concepts in a text.

In: a text of any length. Out: matches with character offsets over that text. One pass of an Aho-Corasick
automaton over the folded text (`ophvl.ontology.forms.fold`), then word borders, shared words and overlaps
are settled. Longest match wins; a shorter one inside it is kept where it is meant as well (`_is_meant`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from ophvl.ontology import Concept, Ontology, Register, Rule
from ophvl.ontology.forms import fold
from schemas.vocab import Kind

if TYPE_CHECKING:
    import ahocorasick

TERM_SCORE = 1.0
ABBREVIATION_SCORE = 0.9
SHARED_SCORE = 0.8
"""Score of words that several concepts share, settled by a rule."""
NESTED_FACTOR = 0.5
"""A match inside a longer one counts half."""

_DEEDS = frozenset({Kind.SURGERY, Kind.PHASE, Kind.OPERATION})
_NAMES = frozenset({Kind.INSTRUMENT, Kind.MEDICATION, Kind.ANATOMY, Kind.ACTION})
_DETERMINERS = frozenset(
    {"a", "an", "the", "this", "that", "these", "those", "another", "each", "first", "second"}
    | {"my", "your", "his", "her", "its", "our", "their"}
)
_SENTENCE_END = re.compile(r"[.;:!?]")
_WORD = re.compile(r"\w+")
_SEPARATORS = re.compile(r"[\s\-/_\u2010-\u2013\u2212]+")
_FIRST_UNSPACED_SCRIPT = "\u2e80"
"""From here on scripts part no words by blanks (Chinese, Japanese): they never continue a Latin word."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """A concept in a text: `text[start:end] == surface`. `label` is the preferred term."""

    start: int
    end: int
    surface: str
    concept_id: str
    kind: Kind
    label: str
    score: float


@dataclass(frozen=True, slots=True)
class _Entry:
    """What one folded form may mean: in any case, and as an abbreviation in the spelling given."""

    form: str
    terms: tuple[Concept, ...]
    abbreviations: tuple[tuple[str, Concept], ...]


class Matcher:
    """Finds concepts. The automaton is built at first use; `find` keeps no state between texts."""

    def __init__(self, ontology: Ontology) -> None:
        self.ontology = ontology
        self._rules: dict[tuple[str, frozenset[str]], tuple[Rule, ...]] = {}

    @property
    def revision(self) -> str:
        return self.ontology.revision

    @cached_property
    def _automaton(self) -> ahocorasick.Automaton:
        import ahocorasick

        automaton = ahocorasick.Automaton()
        for entry in _entries(self.ontology):
            automaton.add_word(entry.form, entry)
        automaton.make_automaton()
        return automaton

    def find(self, text: str, *, register: Register = Register.TEXT) -> list[Match]:
        """All concepts in `text`, by start, the longer first."""
        folded = fold(text)
        found = []
        for last, entry in self._automaton.iter(folded.text):
            start, end = last + 1 - len(entry.form), last + 1
            if _continues(folded.text, start - 1) or _continues(folded.text, end):
                continue
            first, stop = folded.origin(start), folded.origin(last) + 1
            read = self._read(entry, text[first:stop], folded.text, start, register)
            if read is not None:
                concept, score = read
                found.append(_match(text, first, stop, concept, score))
        return _settle(found)

    def _read(
        self, entry: _Entry, surface: str, folded: str, start: int, register: Register
    ) -> tuple[Concept, float] | None:
        """Which concept the form means here and how sure that is; None if none."""
        written = _SEPARATORS.sub("", surface)
        short = [concept for spelling, concept in entry.abbreviations if spelling == written]
        candidates = {concept.concept_id: concept for concept in (*entry.terms, *short)}
        before = _word_before(folded, start)
        if before in _DETERMINERS:  # "the cut" is a thing; "we cut" is done
            candidates = {i: c for i, c in candidates.items() if c.kind is not Kind.ACTION}
        if not candidates:
            return None
        for rule in self._rules_for(entry.form, frozenset(candidates)):
            if _holds(rule, register, before, folded, start):
                winner = candidates.get(rule.winner) if rule.winner else None
                return (winner, SHARED_SCORE) if winner else None
        concept = next(iter(candidates.values()))
        return concept, TERM_SCORE if concept in entry.terms else ABBREVIATION_SCORE

    def _rules_for(self, form: str, concept_ids: frozenset[str]) -> tuple[Rule, ...]:
        key = (form, concept_ids)
        if key not in self._rules:
            self._rules[key] = self.ontology.rules_for(form, concept_ids)
        return self._rules[key]


def _entries(ontology: Ontology) -> Iterator[_Entry]:
    terms: dict[str, list[Concept]] = {}
    abbreviations: dict[str, list[tuple[str, Concept]]] = {}
    for concept in ontology.concepts.values():
        for form in concept.forms():
            terms.setdefault(form, []).append(concept)
        for abbreviation in concept.abbreviations:
            for spelling in (abbreviation, abbreviation + "s"):
                written = _SEPARATORS.sub("", spelling)
                form = fold(spelling).text
                abbreviations.setdefault(form, []).append((written, concept))
    for form in sorted(terms.keys() | abbreviations.keys()):
        yield _Entry(form, tuple(terms.get(form, ())), tuple(abbreviations.get(form, ())))


def _match(text: str, start: int, end: int, concept: Concept, score: float) -> Match:
    return Match(
        start=start,
        end=end,
        surface=text[start:end],
        concept_id=concept.concept_id,
        kind=concept.kind,
        label=concept.label,
        score=score,
    )


def _continues(folded: str, i: int) -> bool:
    """Whether the character at `i` would continue a word."""
    return 0 <= i < len(folded) and folded[i].isalnum() and folded[i] < _FIRST_UNSPACED_SCRIPT


def _word_before(folded: str, start: int) -> str:
    if start < 2 or folded[start - 1] != " ":
        return ""
    return folded[max(0, start - 40) : start - 1].rpartition(" ")[2]


def _holds(rule: Rule, register: Register, before: str, folded: str, start: int) -> bool:
    if rule.register and rule.register is not register:
        return False
    if rule.before and before not in rule.before:
        return False
    return not rule.near or not _sentence_words(folded, start).isdisjoint(rule.near)


def _sentence_words(folded: str, start: int, reach: int = 200) -> frozenset[str]:
    """Words of the sentence around `start`, at most `reach` characters to either side."""
    left = _SENTENCE_END.split(folded[max(0, start - reach) : start])[-1]
    right = _SENTENCE_END.split(folded[start : start + reach])[0]
    return frozenset(_WORD.findall(left + right))


def _settle(found: list[Match]) -> list[Match]:
    """Keep the longest of overlapping matches, and what is meant inside it."""
    found.sort(key=lambda m: (m.start, -m.end))
    kept: list[Match] = []
    group: list[Match] = []
    reach = 0
    for match in found:
        if group and match.start >= reach:
            kept += _settle_group(group)
            group = []
        group.append(match)
        reach = max(reach, match.end)
    kept += _settle_group(group)
    return kept


def _settle_group(group: list[Match]) -> list[Match]:
    kept: list[Match] = []
    for match in sorted(group, key=lambda m: (m.start - m.end, m.start)):
        over = [k for k in kept if k.start < match.end and match.start < k.end]
        if not over:
            kept.append(match)
        elif all(_is_meant(match, k) for k in over):
            kept.append(replace(match, score=match.score * NESTED_FACTOR))
    return sorted(kept, key=lambda m: (m.start, -m.end))


def _is_meant(inner: Match, outer: Match) -> bool:
    """Whether a match inside a longer one of another kind is meant as well.

    In "anterior capsule staining" the capsule is meant. A name is only a name: "capsulorhexis forceps"
    does not say that a capsulorhexis is done, nor "post-vitrectomy" that a vitrectomy is.
    """
    inside = outer.start <= inner.start and inner.end <= outer.end
    if not inside or inner.kind is outer.kind or inner.kind is Kind.ACTION or outer.kind in _NAMES:
        return False
    return outer.kind in _DEEDS or inner.kind not in _DEEDS
