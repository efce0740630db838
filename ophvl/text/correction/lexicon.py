"""The words that a surgeon may have said, found by how they sound.

In: an ontology. Out: an index of targets. A target is either a word of the ontology's terms that is rare in
English ("keratome"), which may stand anywhere, or the rest of a term beside a part of it that was heard
("sinskey" before "hook"), which may be a common word too ("buckle" after "scleral").
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib import resources

from ophvl.ontology import Concept, Ontology
from ophvl.ontology.forms import fold_term, variants
from ophvl.text.correction.phonetics import key, letter_names, size, sounds
from ophvl.text.correction.word_frequency import is_protected, log_probability
from schemas.vocab import Kind

_RARE = math.log(3e-6)
"""Words less frequent than this may be put in without another part of their term."""
_RARE_DEED = math.log(3e-8)
"""The same for words that only verbs of the ontology hold."""
_TELLING = math.log(3e-6)
_LONGEST_SPELLED = 5
_MIN_SIZE = 2.4
"""Shorter sounds are too easily hit by chance."""
_MAX_REST_WORDS = 3
_MIN_KEY_FOR_GAP = 4
_SMALL_WORDS_TEXT = "a an and at by for from in into of on or the to with under over"
_SMALL_WORDS = frozenset(_SMALL_WORDS_TEXT.split())
_PROSE_KINDS = frozenset({Kind.OBJECTIVE, Kind.POSTOP_CARE, Kind.DISEASE_CAUSE})
"""Kinds whose terms are phrases of ordinary words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What may be put in: its words as written, how they sound, how many terms hold them."""

    text: str
    sounds: str
    terms: int = 1
    is_medication: bool = False
    is_listed: bool = True
    """False for a plural or another form that follows by rule."""
    is_spelled: bool = False
    """Whether its letters are named one by one."""

    @property
    def key(self) -> str:
        return key(self.sounds)


class Lexicon:
    """Targets by sound. Everything is built at first use."""

    def __init__(self, ontology: Ontology) -> None:
        self._ontology = ontology

    @cached_property
    def forms(self) -> frozenset[str]:
        """All folded spellings of terms that are listed or follow by rule, but for split compounds."""
        return frozenset(self._forms)

    @cached_property
    def words(self) -> frozenset[str]:
        """All words of terms, and names: what is right as heard."""
        of_terms = {word for form in self._forms for word in form.split()}
        return frozenset(of_terms.union(_names(), map(str.lower, self._abbreviations)))

    def written(self, text: str) -> str:
        """A folded text with its abbreviations in capitals."""
        return " ".join(self._capitals.get(word, word) for word in text.split())

    @cached_property
    def _capitals(self) -> dict[str, str]:
        short = {abbreviation.lower(): abbreviation for abbreviation in self._abbreviations}
        begun = {word[:length] for word in self.words for length in range(3, len(word) - 3)}
        return {part: written for part, written in short.items() if part not in begun}

    @cached_property
    def surgical(self) -> frozenset[str]:
        """Words of terms that ordinary English hardly holds: they show that surgery is spoken of."""
        return frozenset(word for word in self.words if log_probability(word) < math.log(2e-5))

    @cached_property
    def telling(self) -> frozenset[str]:
        """The rarest of them and those that stand in many terms of the eye."""
        return frozenset(
            w
            for w in self.words
            if log_probability(w) < _TELLING and w in self._things and len(w) > 3
        )

    @cached_property
    def medications(self) -> frozenset[str]:
        """Words of drugs and other substances."""
        return self.surgical.intersection(
            word
            for form, kinds in self._forms.items()
            if Kind.MEDICATION in kinds
            for word in form.split()
        )

    @cached_property
    def compounds(self) -> dict[str, str]:
        """Rare words by their letters: what two or three heard words may be joined to."""
        return {
            target.text.lower(): target.text
            for targets in self._free.values()
            for target in targets
            if len(target.text) >= 6 and " " not in target.text
        }

    @cached_property
    def _things(self) -> frozenset[str]:
        """Words of terms that are no verbs."""
        return frozenset(
            word
            for form, kinds in self._forms.items()
            if kinds != {Kind.ACTION}
            for word in form.split()
        )

    def alike(self, heard_key: str) -> Iterable[Target]:
        """Targets that may stand anywhere and whose key is the given one, or it less or more one sound."""
        found = {id(t): t for t in self._free.get(heard_key, ())}
        if len(heard_key) >= _MIN_KEY_FOR_GAP:
            for shorter in _gaps(heard_key):
                found.update((id(t), t) for t in self._free_gaps.get(shorter, ()))
                found.update((id(t), t) for t in self._free.get(shorter, ()))
            found.update((id(t), t) for t in self._free_gaps.get(heard_key, ()))
        return found.values()

    def rest_after(self, heard: str) -> tuple[Target, ...]:
        """What terms go on with after the heard words."""
        return self._rests[0].get(heard, ())

    def rest_before(self, heard: str) -> tuple[Target, ...]:
        """What stands in terms before the heard words."""
        return self._rests[1].get(heard, ())

    @cached_property
    def _listed(self) -> tuple[tuple[str, str], ...]:
        """Each term as listed, folded, with each of its forms."""
        return tuple(
            (fold_term(term), form)
            for concept in self._ontology.concepts.values()
            for term in (concept.label, *concept.synonyms)
            for form in _unsplit(fold_term(term), concept.kind)
        )

    @cached_property
    def _forms(self) -> dict[str, set[Kind]]:
        forms: dict[str, set[Kind]] = defaultdict(set)
        for concept in self._ontology.concepts.values():
            for term in (concept.label, *concept.synonyms):
                for form in _unsplit(fold_term(term), concept.kind):
                    forms[form].add(concept.kind)
        return forms

    @cached_property
    def _abbreviations(self) -> dict[str, Concept]:
        return {
            abbreviation: concept
            for concept in self._ontology.concepts.values()
            for abbreviation in concept.abbreviations
            if abbreviation.isalpha() and abbreviation.isascii() and 2 < len(abbreviation) < 8
        }

    @cached_property
    def _free(self) -> dict[str, list[Target]]:
        by_key: dict[str, list[Target]] = defaultdict(list)
        for target in self._free_targets():
            by_key[key(target.sounds)].append(target)
        return by_key

    @cached_property
    def _free_gaps(self) -> dict[str, list[Target]]:
        by_gap: dict[str, list[Target]] = defaultdict(list)
        for whole, targets in self._free.items():
            if len(whole) >= _MIN_KEY_FOR_GAP:
                for shorter in _gaps(whole):
                    by_gap[shorter] += targets
        return by_gap

    def _free_targets(self) -> Iterator[Target]:
        """Rare words that are a term by themselves or stand in several, and abbreviations."""
        terms: dict[str, set[str]] = defaultdict(set)
        bases: dict[str, str] = {}
        for base, form in self._listed:
            for word, base_word in zip(form.split(), base.split(), strict=False):
                terms[word].add(base)
                bases.setdefault(word, base_word)
        for word, forms in sorted(terms.items()):
            known = max(log_probability(word), log_probability(bases[word]))
            rare = known < (_RARE if word in self._things else _RARE_DEED)
            alone = word in self._forms or len(forms) > 1
            if not (rare and alone and word.isalpha()) or is_protected(word):
                continue
            for target in _spoken(word, len(forms), word in self.medications):
                yield replace(target, is_listed=word == bases[word])
        for abbreviation, concept in sorted(self._abbreviations.items()):
            drug = concept.kind is Kind.MEDICATION
            yield Target(
                text=abbreviation,
                sounds=letter_names(abbreviation),
                is_medication=drug,
                is_spelled=True,
            )

            if re.fullmatch(r"[^AEIOU]{2}[A-Z]*[AEIOU][A-Z]*", abbreviation):
                said = letter_names(abbreviation[0]) + sounds(abbreviation[1:].lower())
                count = len(terms.get(abbreviation.lower(), ())) or 1
                yield Target(text=abbreviation, sounds=said, terms=count, is_medication=drug)

    @cached_property
    def _rests(self) -> tuple[dict[str, tuple[Target, ...]], dict[str, tuple[Target, ...]]]:
        after: dict[str, dict[str, bool]] = defaultdict(dict)
        before: dict[str, dict[str, bool]] = defaultdict(dict)
        for form, kinds in self._forms.items():
            if kinds <= _PROSE_KINDS:
                continue
            words = form.split()
            for cut in range(1, len(words)):
                head, tail = words[:cut], words[cut:]
                drug = Kind.MEDICATION in kinds
                if _is_rest(tail) and _is_hold(head):
                    after[" ".join(head)][" ".join(tail)] = drug
                if _is_rest(head) and _is_hold(tail):
                    before[" ".join(tail)][" ".join(head)] = drug
        return self._targets(after), self._targets(before)

    def _targets(self, found: dict[str, dict[str, bool]]) -> dict[str, tuple[Target, ...]]:
        return {
            heard: tuple(
                target
                for text, drug in sorted(rests.items())
                for target in _spoken(text, self._counts[text], drug)
            )
            for heard, rests in found.items()
        }

    @cached_property
    def _counts(self) -> Counter[str]:
        """How many terms begin or end with these words."""
        counts: Counter[str] = Counter()
        for form in self._forms:
            words = form.split()
            heads = (" ".join(words[:cut]) for cut in range(1, len(words)))
            tails = (" ".join(words[cut:]) for cut in range(1, len(words)))
            counts.update({*heads, *tails})
        return counts


def _unsplit(base: str, kind: Kind) -> list[str]:
    """Forms of a term without the split compounds that are made by rule."""
    return sorted(
        form
        for form in variants(base, kind)
        if form.count(" ") == base.count(" ")
        and not (form.endswith(("ses", "xes")) and form != base)
    )


def _spoken(text: str, terms: int, drug: bool) -> Iterator[Target]:
    """The target as it may be said, with a name's possessive too."""
    if len(text) < _LONGEST_SPELLED and text.isalpha() and not set(text) & set("aeiouy"):
        yield Target(text=text, sounds=letter_names(text), is_medication=drug, is_spelled=True)
        return
    for written in _written(text):
        for said in _readings(written.replace("'s", "s").lower()):
            if size(said) >= _MIN_SIZE:
                yield Target(text=written, sounds=said, terms=terms, is_medication=drug)


def _written(text: str) -> Iterator[str]:
    """A folded text with its names in capitals; a name at its end also in the possessive."""
    words = text.split()
    names = _names()
    written = [word.capitalize() if word in names else word for word in words]
    yield " ".join(written)
    if names.get(words[-1]):
        yield " ".join(written) + "'s"


@cache
def _names() -> dict[str, bool]:
    """Names that terms hold, and whether they are said in the possessive."""
    lines = (
        resources.files("ophvl.text.correction")
        .joinpath("names.tsv")
        .read_text("utf-8")
        .splitlines()
    )
    rows = (line.split("\t") for line in lines[1:])
    return {name: possessive == "yes" for name, possessive in rows}


def _readings(text: str) -> Iterator[str]:
    """How written words may sound: by rule, and a name's w as in German."""
    said = "".join(map(sounds, text.split()))
    yield said
    if said[:1] == "w" and text in _names():
        yield "v" + said[1:]


def _gaps(whole: str) -> set[str]:
    return {whole[:i] + whole[i + 1 :] for i in range(len(whole))}


def _is_rest(words: list[str]) -> bool:
    return (
        len(words) <= _MAX_REST_WORDS
        and not any(is_protected(word) or not word.isascii() for word in words)
        and words[0] not in _SMALL_WORDS
        and words[-1] not in _SMALL_WORDS
    )


def _is_hold(words: list[str]) -> bool:
    return words[0] not in _SMALL_WORDS and words[-1] not in _SMALL_WORDS
