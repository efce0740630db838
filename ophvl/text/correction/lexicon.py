"""Index the words that a surgeon may have said by how they sound.

An entry is either a word of the ontology's terms that is rare in English ("keratome") and may stand
anywhere, or the rest of a term beside its other part ("sinskey" before "hook"), which may be a common word
too ("buckle" after "scleral").
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
"""Log probability below which a word may be inserted without another part of its term."""
_RARE_VERB = math.log(3e-8)
"""The same for words that occur only in verbs of the ontology."""
_TOPIC_WORD = math.log(3e-6)
_LONGEST_SPELLED = 5
_MIN_SIZE = 2.4
"""Shorter sounds are too easily hit by chance."""
_MAX_COMPLETION_WORDS = 3
_MIN_KEY_FOR_GAP = 4
_SMALL_WORDS_TEXT = "a an and at by for from in into of on or the to with under over"
_SMALL_WORDS = frozenset(_SMALL_WORDS_TEXT.split())
_PROSE_KINDS = frozenset({Kind.OBJECTIVE, Kind.POSTOP_CARE, Kind.DISEASE_CAUSE})
"""Kinds whose terms are phrases of ordinary words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LexiconEntry:
    """A text that a correction may insert, how it sounds, and the number of terms that contain it."""

    text: str
    sounds: str
    term_count: int = 1
    is_medication: bool = False
    is_listed: bool = True
    """False for a plural or another form that follows by rule."""
    is_spelled: bool = False
    """Whether its letters are spoken one by one."""

    @property
    def key(self) -> str:
        """Return the key of its sounds."""
        return key(self.sounds)


class Lexicon:
    """Entries by sound. Everything is built at first use."""

    def __init__(self, ontology: Ontology) -> None:
        self._ontology = ontology

    @cached_property
    def forms(self) -> frozenset[str]:
        """Return all folded spellings of terms that are listed or follow by rule, but for split compounds."""
        return frozenset(self._forms)

    @cached_property
    def words(self) -> frozenset[str]:
        """Return all words of terms, and names: what is correct as recognised."""
        of_terms = {word for form in self._forms for word in form.split()}
        return frozenset(of_terms.union(_names(), map(str.lower, self._abbreviations)))

    def with_capitals(self, text: str) -> str:
        """Return a folded text with its abbreviations in capitals."""
        return " ".join(self._capitals.get(word, word) for word in text.split())

    @cached_property
    def _capitals(self) -> dict[str, str]:
        short = {abbreviation.lower(): abbreviation for abbreviation in self._abbreviations}
        begun = {word[:length] for word in self.words for length in range(3, len(word) - 3)}
        return {lower: abbreviation for lower, abbreviation in short.items() if lower not in begun}

    @cached_property
    def surgical(self) -> frozenset[str]:
        """Return words of terms that are rare in ordinary English."""
        return frozenset(word for word in self.words if log_probability(word) < math.log(2e-5))

    @cached_property
    def topic_words(self) -> frozenset[str]:
        """Return the surgical words that prove the topic: the rarest that are not verbs alone."""
        return frozenset(
            w
            for w in self.words
            if log_probability(w) < _TOPIC_WORD and w in self._non_verbs and len(w) > 3
        )

    @cached_property
    def medications(self) -> frozenset[str]:
        """Return words of drugs and other substances."""
        return self.surgical.intersection(
            word
            for form, kinds in self._forms.items()
            if Kind.MEDICATION in kinds
            for word in form.split()
        )

    @cached_property
    def compounds(self) -> dict[str, str]:
        """Return rare words by their letters: what two or three recognised words may be joined to."""
        return {
            entry.text.lower(): entry.text
            for entries in self._standalone.values()
            for entry in entries
            if len(entry.text) >= 6 and " " not in entry.text
        }

    @cached_property
    def _non_verbs(self) -> frozenset[str]:
        """Return words of terms that are not verbs alone."""
        return frozenset(
            word
            for form, kinds in self._forms.items()
            if kinds != {Kind.ACTION}
            for word in form.split()
        )

    def similar(self, sounds_key: str) -> Iterable[LexiconEntry]:
        """Return standalone entries whose key is the given one, or one sound more or less."""
        entries = {id(e): e for e in self._standalone.get(sounds_key, ())}
        if len(sounds_key) >= _MIN_KEY_FOR_GAP:
            for shorter in _gaps(sounds_key):
                entries.update((id(e), e) for e in self._standalone_by_gap.get(shorter, ()))
                entries.update((id(e), e) for e in self._standalone.get(shorter, ()))
            entries.update((id(e), e) for e in self._standalone_by_gap.get(sounds_key, ()))
        return entries.values()

    def completions_after(self, part: str) -> tuple[LexiconEntry, ...]:
        """Return what terms continue with after the words of `part`."""
        return self._completions[0].get(part, ())

    def completions_before(self, part: str) -> tuple[LexiconEntry, ...]:
        """Return what terms begin with before the words of `part`."""
        return self._completions[1].get(part, ())

    @cached_property
    def _listed(self) -> tuple[tuple[str, str], ...]:
        """Return each term as listed, folded, with each of its forms."""
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
    def _standalone(self) -> dict[str, list[LexiconEntry]]:
        by_key: dict[str, list[LexiconEntry]] = defaultdict(list)
        for entry in self._standalone_entries():
            by_key[key(entry.sounds)].append(entry)
        return by_key

    @cached_property
    def _standalone_by_gap(self) -> dict[str, list[LexiconEntry]]:
        by_gap: dict[str, list[LexiconEntry]] = defaultdict(list)
        for whole, entries in self._standalone.items():
            if len(whole) >= _MIN_KEY_FOR_GAP:
                for shorter in _gaps(whole):
                    by_gap[shorter] += entries
        return by_gap

    def _standalone_entries(self) -> Iterator[LexiconEntry]:
        """Yield rare words that are a term by themselves or occur in several, and abbreviations."""
        terms: dict[str, set[str]] = defaultdict(set)
        bases: dict[str, str] = {}
        for base, form in self._listed:
            for word, base_word in zip(form.split(), base.split(), strict=False):
                terms[word].add(base)
                bases.setdefault(word, base_word)
        for word, forms in sorted(terms.items()):
            known = max(log_probability(word), log_probability(bases[word]))
            rare = known < (_RARE if word in self._non_verbs else _RARE_VERB)
            alone = word in self._forms or len(forms) > 1
            if not (rare and alone and word.isalpha()) or is_protected(word):
                continue
            for entry in _pronounced(word, len(forms), word in self.medications):
                yield replace(entry, is_listed=word == bases[word])
        for abbreviation, concept in sorted(self._abbreviations.items()):
            drug = concept.kind is Kind.MEDICATION
            yield LexiconEntry(
                text=abbreviation,
                sounds=letter_names(abbreviation),
                is_medication=drug,
                is_spelled=True,
            )

            if re.fullmatch(r"[^AEIOU]{2}[A-Z]*[AEIOU][A-Z]*", abbreviation):
                spoken = letter_names(abbreviation[0]) + sounds(abbreviation[1:].lower())
                count = len(terms.get(abbreviation.lower(), ())) or 1
                yield LexiconEntry(
                    text=abbreviation, sounds=spoken, term_count=count, is_medication=drug
                )

    @cached_property
    def _completions(
        self,
    ) -> tuple[dict[str, tuple[LexiconEntry, ...]], dict[str, tuple[LexiconEntry, ...]]]:
        after: dict[str, dict[str, bool]] = defaultdict(dict)
        before: dict[str, dict[str, bool]] = defaultdict(dict)
        for form, kinds in self._forms.items():
            if kinds <= _PROSE_KINDS:
                continue
            words = form.split()
            for cut in range(1, len(words)):
                head, tail = words[:cut], words[cut:]
                drug = Kind.MEDICATION in kinds
                if _is_completion(tail) and _is_part(head):
                    after[" ".join(head)][" ".join(tail)] = drug
                if _is_completion(head) and _is_part(tail):
                    before[" ".join(tail)][" ".join(head)] = drug
        return self._entries(after), self._entries(before)

    def _entries(
        self, completions_of: dict[str, dict[str, bool]]
    ) -> dict[str, tuple[LexiconEntry, ...]]:
        return {
            part: tuple(
                entry
                for text, drug in sorted(completions.items())
                for entry in _pronounced(text, self._counts[text], drug)
            )
            for part, completions in completions_of.items()
        }

    @cached_property
    def _counts(self) -> Counter[str]:
        """Count the terms that begin or end with these words."""
        counts: Counter[str] = Counter()
        for form in self._forms:
            words = form.split()
            heads = (" ".join(words[:cut]) for cut in range(1, len(words)))
            tails = (" ".join(words[cut:]) for cut in range(1, len(words)))
            counts.update({*heads, *tails})
        return counts


def _unsplit(base: str, kind: Kind) -> list[str]:
    """Return forms of a term without the split compounds that are made by rule."""
    return sorted(
        form
        for form in variants(base, kind)
        if form.count(" ") == base.count(" ")
        and not (form.endswith(("ses", "xes")) and form != base)
    )


def _pronounced(text: str, term_count: int, drug: bool) -> Iterator[LexiconEntry]:
    """Yield the entry as it may be pronounced, with a name's possessive too."""
    if len(text) < _LONGEST_SPELLED and text.isalpha() and not set(text) & set("aeiouy"):
        yield LexiconEntry(
            text=text, sounds=letter_names(text), is_medication=drug, is_spelled=True
        )
        return
    for written in _spellings(text):
        for spoken in _readings(written.replace("'s", "s").lower()):
            if size(spoken) >= _MIN_SIZE:
                yield LexiconEntry(
                    text=written, sounds=spoken, term_count=term_count, is_medication=drug
                )


def _spellings(text: str) -> Iterator[str]:
    """Yield a folded text with its names in capitals; a name at its end also in the possessive."""
    words = text.split()
    names = _names()
    written = [word.capitalize() if word in names else word for word in words]
    yield " ".join(written)
    if names.get(words[-1]):
        yield " ".join(written) + "'s"


@cache
def _names() -> dict[str, bool]:
    """Read the names that terms contain, and whether they take the possessive."""
    lines = (
        resources.files("ophvl.text.correction")
        .joinpath("names.tsv")
        .read_text("utf-8")
        .splitlines()
    )
    rows = (line.split("\t") for line in lines[1:])
    return {name: possessive == "yes" for name, possessive in rows}


def _readings(text: str) -> Iterator[str]:
    """Yield the sounds of written words: by rule, and a name's w as in German."""
    spoken = "".join(map(sounds, text.split()))
    yield spoken
    if spoken[:1] == "w" and text in _names():
        yield "v" + spoken[1:]


def _gaps(whole: str) -> set[str]:
    return {whole[:i] + whole[i + 1 :] for i in range(len(whole))}


def _is_completion(words: list[str]) -> bool:
    return (
        len(words) <= _MAX_COMPLETION_WORDS
        and not any(is_protected(word) or not word.isascii() for word in words)
        and words[0] not in _SMALL_WORDS
        and words[-1] not in _SMALL_WORDS
    )


def _is_part(words: list[str]) -> bool:
    return words[0] not in _SMALL_WORDS and words[-1] not in _SMALL_WORDS
