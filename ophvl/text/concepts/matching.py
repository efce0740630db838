"""Find the ontology's concepts in a text.

One pass of an Aho-Corasick automaton over the folded text (`ophvl.ontology.forms.fold`), then word borders,
shared forms and overlaps are resolved. The longest match wins; a shorter one inside it is retained where it
counts as well (`_counts_inside`). Offsets are those of the original text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from ophvl.ontology import AmbiguityRule, Concept, Ontology, Register, TitleAlias
from ophvl.ontology.forms import fold, fold_term
from ophvl.text.concepts.verbs import AdjacentWords, is_verb
from schemas.vocab import Kind

if TYPE_CHECKING:
    import ahocorasick

TERM_SCORE = 1.0
ABBREVIATION_SCORE = 0.9
SHARED_SCORE = 0.8
"""Score of a form that several concepts share, decided by a rule."""
NESTED_FACTOR = 0.5
"""A match inside a longer one counts half."""

_PROCEDURES = frozenset({Kind.SURGERY, Kind.PHASE, Kind.OPERATION})
_NAME_KINDS = frozenset({Kind.INSTRUMENT, Kind.MEDICATION, Kind.ANATOMY, Kind.ACTION})
PHRASE_KINDS = frozenset({Kind.OBJECTIVE, Kind.DISEASE_CAUSE, Kind.POSTOP_CARE})
"""Kinds that are expressed in phrases (`ophvl.text.concepts.phrases`), which contain terms of other kinds."""
_SENTENCE_END = re.compile(r"[.;:!?]")
_WORD = re.compile(r"\w+")
_WORD_AFTER = re.compile(r" ([\w']+)")
_SEPARATORS = re.compile(r"[\s\-/_\u2010-\u2013\u2212]+")
_FIRST_UNSPACED_SCRIPT = "\u2e80"
"""Scripts from here on have no blanks between words (Chinese, Japanese): they continue no Latin word."""


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
    """What one folded form may mean: a term in any case, an abbreviation as spelled, an alias in titles."""

    form: str
    terms: tuple[Concept, ...]
    abbreviations: tuple[tuple[str, Concept], ...]
    aliases: tuple[TitleAlias, ...] = ()
    may_be_verb: bool = False
    """Whether it may be a verb that names an action."""
    unambiguous: Concept | None = None
    """The concept that it always means, whatever the context."""


@dataclass(frozen=True, slots=True)
class _Occurrence:
    """Occurrence of a form in a folded text."""

    folded: str
    start: int
    end: int
    surface: str
    is_hyphenated: bool

    def word_before(self) -> str:
        start = self.start
        if start < 2 or self.folded[start - 1] != " ":
            return ""
        return self.folded[max(0, start - 40) : start - 1].rpartition(" ")[2]

    def adjacent_words(self) -> AdjacentWords:
        after = _WORD_AFTER.match(self.folded, self.end)
        before = self.word_before()
        return AdjacentWords(
            before=before if before[-1:].isalnum() else "",
            after=after.group(1) if after else "",
            is_hyphenated=self.is_hyphenated,
        )


class Matcher:
    """Finds concepts. The automaton is built at first use; `find` stores nothing between texts."""

    def __init__(self, ontology: Ontology) -> None:
        self.ontology = ontology
        self._rules: dict[tuple[str, frozenset[str]], tuple[AmbiguityRule, ...]] = {}

    @property
    def revision(self) -> str:
        """Return the revision of the ontology."""
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
        """Return all concepts in `text` by start, the longer first.

        Overlaps of phrase kinds are resolved apart from terms: "protect the endothelium" leaves the
        endothelium in place.
        """
        folded = fold(text)
        whole = folded.text
        matches = []
        for last, entry in self._automaton.iter(whole):
            start, end = last + 1 - len(entry.form), last + 1
            if _continues_word(whole, start - 1) or _continues_word(whole, end):
                continue
            first, stop = folded.origin(start), folded.origin(last) + 1
            if entry.unambiguous is not None:
                matches.append(_match(text, first, stop, entry.unambiguous, TERM_SCORE))
                continue
            occurrence = _Occurrence(
                folded.text, start, end, text[first:stop], text[first - 1 : first] == "-"
            )
            for concept, score in self._candidates_at(entry, occurrence, register):
                matches.append(_match(text, first, stop, concept, score))
        terms = _resolve_overlaps([m for m in matches if m.kind not in PHRASE_KINDS])
        phrases = _resolve_overlaps([m for m in matches if m.kind in PHRASE_KINDS])
        return sorted(terms + phrases, key=lambda m: (m.start, -m.end))

    def concept_of(self, form: str, kind: Kind) -> Concept | None:
        """Return the concept of this kind that a folded form names in any case."""
        entry: _Entry | None = self._automaton.get(form, None)
        if entry is None:
            return None
        return next((concept for concept in entry.terms if concept.kind is kind), None)

    def _candidates_at(
        self, entry: _Entry, occurrence: _Occurrence, register: Register
    ) -> Iterator[tuple[Concept, float]]:
        """Yield the concepts that the form means here, with their scores: a term, a phrase, both or none."""
        written = _SEPARATORS.sub("", occurrence.surface)
        if register is Register.TITLE:
            for alias in entry.aliases:
                if _is_spelled_as(alias, written) and _is_near(
                    alias, occurrence.folded, occurrence.start
                ):
                    yield self.ontology.concepts[alias.concept_id], ABBREVIATION_SCORE
                    return
        candidates = [
            *entry.terms,
            *(c for spelling, c in entry.abbreviations if spelling == written),
        ]
        if entry.may_be_verb:
            verb = is_verb(entry.form, occurrence.adjacent_words())
            candidates = [c for c in candidates if verb is (c.kind is Kind.ACTION)]
        for is_phrase in (False, True):
            layer = {c.concept_id: c for c in candidates if (c.kind in PHRASE_KINDS) is is_phrase}
            concept = self._winner(layer, entry.form, occurrence, register) if layer else None
            if concept is not None:
                score = TERM_SCORE if concept in entry.terms else ABBREVIATION_SCORE
                yield concept, score if len(layer) == 1 else SHARED_SCORE

    def _winner(
        self,
        candidates: Mapping[str, Concept],
        form: str,
        occurrence: _Occurrence,
        register: Register,
    ) -> Concept | None:
        for rule in self._rules_for(form, frozenset(candidates)):
            if _holds(rule, register, occurrence):
                return candidates.get(rule.winner) if rule.winner else None
        return next(iter(candidates.values()))

    def _rules_for(self, form: str, concept_ids: frozenset[str]) -> tuple[AmbiguityRule, ...]:
        key = (form, concept_ids)
        if key not in self._rules:
            exact = self.ontology.rules_for(form, concept_ids)
            wider = (
                r for r in self.ontology.rules if r.concepts > concept_ids and r.is_about(form)
            )
            self._rules[key] = exact or tuple(
                rule for rule in wider if len(concept_ids) > 1 and rule.winner in concept_ids
            )
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
    aliases: dict[str, list[TitleAlias]] = {}
    for alias in ontology.title_aliases:
        aliases.setdefault(fold_term(alias.form), []).append(alias)
    ruled = frozenset(form for rule in ontology.rules for form in rule.forms)
    for form in sorted(terms.keys() | abbreviations.keys() | aliases.keys()):
        concepts = tuple(terms.get(form, ()))
        may_be_verb = any(concept.kind is Kind.ACTION for concept in concepts)
        is_plain = len(concepts) == 1 and not (may_be_verb or form in ruled)
        yield _Entry(
            form=form,
            terms=concepts,
            abbreviations=tuple(abbreviations.get(form, ())),
            aliases=tuple(aliases.get(form, ())),
            may_be_verb=may_be_verb,
            unambiguous=concepts[0]
            if is_plain and form not in abbreviations and form not in aliases
            else None,
        )


def _is_spelled_as(alias: TitleAlias, written: str) -> bool:
    return alias.form == alias.form.lower() or _SEPARATORS.sub("", alias.form) == written


def _is_near(alias: TitleAlias, folded: str, start: int, reach: int = 150) -> bool:
    """Tell whether a word that the alias requires is nearby; titles have no sentences."""
    around = folded[max(0, start - reach) : start + reach]
    return not alias.near or not alias.near.isdisjoint(_WORD.findall(around))


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


def _continues_word(folded: str, i: int) -> bool:
    """Tell whether the character at `i` would continue a word."""
    return folded[i : i + 1].isalnum() and i >= 0 and folded[i] < _FIRST_UNSPACED_SCRIPT


def _holds(rule: AmbiguityRule, register: Register, occurrence: _Occurrence) -> bool:
    if rule.register and rule.register is not register:
        return False
    if rule.before and occurrence.word_before() not in rule.before:
        return False
    return not rule.near or not _words_of_sentence(occurrence.folded, occurrence.start).isdisjoint(
        rule.near
    )


def _words_of_sentence(folded: str, start: int, reach: int = 200) -> frozenset[str]:
    """Return the words of the sentence around `start`, at most `reach` characters to either side."""
    left = _SENTENCE_END.split(folded[max(0, start - reach) : start])[-1]
    right = _SENTENCE_END.split(folded[start : start + reach])[0]
    return frozenset(_WORD.findall(left + right))


def _resolve_overlaps(matches: list[Match]) -> list[Match]:
    """Retain the longest of overlapping matches, and what counts inside it."""
    matches.sort(key=lambda m: (m.start, -m.end))
    retained: list[Match] = []
    group: list[Match] = []
    reach = 0
    for match in matches:
        if match.start >= reach:
            retained += group if len(group) < 2 else _resolve_group(group)
            group = []
            reach = match.end
        group.append(match)
        reach = max(reach, match.end)
    retained += group if len(group) < 2 else _resolve_group(group)
    return retained


def _resolve_group(group: list[Match]) -> list[Match]:
    retained: list[Match] = []
    for match in sorted(group, key=lambda m: (m.start - m.end, m.start)):
        over = [k for k in retained if k.start < match.end and match.start < k.end]
        if not over:
            retained.append(match)
        elif all(_counts_inside(match, k) for k in over):
            retained.append(replace(match, score=match.score * NESTED_FACTOR))
    return sorted(retained, key=lambda m: (m.start, -m.end))


def _counts_inside(inner: Match, outer: Match) -> bool:
    """Tell whether a match inside a longer one of another kind counts as well.

    In "anterior capsule staining" the capsule counts. A name is only a name: "capsulorhexis forceps"
    does not mention a capsulorhexis, nor "post-vitrectomy" a vitrectomy.
    """
    inside = outer.start <= inner.start and inner.end <= outer.end
    if (
        not inside
        or inner.kind is outer.kind
        or inner.kind is Kind.ACTION
        or outer.kind in _NAME_KINDS
    ):
        return False
    return outer.kind in _PROCEDURES or inner.kind not in _PROCEDURES
