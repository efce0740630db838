"""Propose corrections of recognised words by how they sound, and score them.

A noisy channel: one to four recognised words become a term where that explains the sounds better than the
words do by themselves,

    gain = log P(term | surgery is the topic, rest of the term)
         - SOUND_COST * distance(words, term)
         - log P(words | English)

in nats. Sounds and their distances come from `phonetics`, probabilities of words from `word_frequency`, terms
from `lexicon`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

from ophvl.text.correction.lexicon import Lexicon, LexiconEntry
from ophvl.text.correction.morphology import is_inflection, share_a_stem
from ophvl.text.correction.phonetics import distance, key, size
from ophvl.text.correction.tokens import (
    NEVER_AT_AN_EDGE,
    Token,
    groups,
    is_mixed,
    sounds_of,
    spans_from,
    spans_to,
)
from ophvl.text.correction.word_frequency import UNKNOWN, is_built_of_parts, log_probability

SOUND_COST, COMPLETION_SOUND_COST = 4.5, 2.8
"""Nats for each unit of distance: of a standalone word, and of a completion of a term."""
_MIN_GAIN_BEFORE_CONTEXT = -3.0
"""The least gain by sounds with which a candidate reaches the context scorer."""
_LOG_PRIOR = -8.5
"""Log probability of a rare term's word where surgery is the topic."""
_LOG_PRIOR_COMPLETION = -3.0
"""Log probability of the rest of a term beside its other part."""
_COMPLETION_COUNT_WEIGHT = 0.25
"""Weight of the number of terms that contain a completion, and of the number of completions."""
_OFF_TOPIC = -14.0
"""Added where nothing else in the text is of surgery."""
_TOPIC_WORDS, _TOPIC_LENGTH, _WEAK_WORD = 1.5, 60, 0.4
"""A text is surely of surgery with this many topic words, and one more for this many words of text; another
surgical word counts this much."""
_BINDING = 3.0
"""Nats that each further word of a group gains by the one before it: words are not independent."""
_SURGICAL_WORD = -6.0
"""Log probability of a word of the ontology where surgery is the topic."""
_MAX_TERM_COUNT_GAIN = 2.5
"""The most that a word gains by occurring in many terms."""
_DERIVED_FORM = 0.7
"""Cost of a plural or another form by rule."""
_RARE_IN_COMPOUND, _RARE_IN_GROUP, _UNLISTED = -12.5, -15.0, -20.0
"""Log probabilities below which a word is rare as part of a compound, rare in a group, or listed nowhere."""
_LIMIT_UNKNOWN = 0.22
_LIMIT_KNOWN = 0.085
_LIMIT_GROUP = 0.17
_LIMIT_COMPLETION = 0.42
"""Largest distance of sounds from an entry of usual size, relative to it: for unlisted words, listed words,
groups, and completions."""
_MAX_KEY_LENGTH_DIFFERENCE = 2
_KNOWN_GAIN, _KNOWN_MIN_TOPIC = 6.0, 0.4
"""Gain of a confirmed mishearing, and how surely surgery must be the topic."""
_USUAL_SIZE = 5.5
_MEDICATION_FACTOR = 0.6
"""Factor of the limit for drugs: of two that sound alike only one may be in the ontology."""
_MAX_SPELLED = 0.42
"""Largest distance of the names of letters."""
_LONGEST_TERM = 5
"""Words in the longest term that is recognised as it stands."""

_SMALL_WORDS_TEXT = "a an and as at by for from i in into is it of off on or so the to was we with"
_SMALL_WORDS = frozenset(_SMALL_WORDS_TEXT.split())


@dataclass(frozen=True, slots=True)
class Candidate:
    """A proposed correction: the tokens `first` to `stop` become the entry, with `gain` in nats."""

    first: int
    stop: int
    entry: LexiconEntry
    gain: float
    rule: str

    def is_within(self, positions: set[int]) -> bool:
        """Tell whether all of its tokens are among the positions."""
        return positions.issuperset(range(self.first, self.stop))

    def touches(self, positions: set[int]) -> bool:
        """Tell whether one of its tokens is among the positions."""
        return not positions.isdisjoint(range(self.first, self.stop))


class CandidateGenerator:
    """Generates candidates; stores nothing between texts but caches.

    Args:
        min_gain: gain of an edit in nats; what can never reach it is not compared by sound.
    """

    def __init__(self, lexicon: Lexicon, *, min_gain: float) -> None:
        self._lexicon = lexicon
        self._min_gain = min_gain
        self._similar = lru_cache(maxsize=1 << 16)(self._find_similar)
        self._similar_completions = lru_cache(maxsize=1 << 16)(self._find_similar_completions)

    def candidates(self, tokens: Sequence[Token]) -> list[Candidate]:
        """Return all candidates for the words of a text; they may overlap."""
        topic = self._topic(tokens)
        correct, in_longer_terms = self._correct_positions(tokens)
        standalone = (c for c in self._standalone(tokens, topic) if not c.is_within(correct))
        completions = (
            c
            for c in self._completions(tokens, topic)
            if not c.is_within(correct) and not c.touches(in_longer_terms)
        )
        scored = (c for c in (*standalone, *completions) if c.gain > _MIN_GAIN_BEFORE_CONTEXT)
        return [*self._known(tokens, topic), *scored]

    def _correct_positions(self, tokens: Sequence[Token]) -> tuple[set[int], set[int]]:
        """Return positions of small words and of words that are terms as they stand; those in longer terms.

        A longer term has its rest already: what follows "corneal scar" is not misheard for "corneal ...".
        """
        words = [token.word for token in tokens]
        correct = {position for position, word in enumerate(words) if word in _SMALL_WORDS}
        in_longer_terms: set[int] = set()
        for first in range(len(words)):
            for stop in range(first + 1, min(first + _LONGEST_TERM, len(words)) + 1):
                if " ".join(words[first:stop]) in self._lexicon.forms:
                    (in_longer_terms if stop - first > 1 else correct).update(range(first, stop))
        return correct | in_longer_terms, in_longer_terms

    def _topic(self, tokens: Sequence[Token]) -> float:
        """Return how surely surgery is the topic: 0 to 1."""
        words = {token.word for token in tokens}
        topic_words = len(words & self._lexicon.topic_words)
        weight = topic_words + _WEAK_WORD * (len(words & self._lexicon.surgical) - topic_words)
        return min(1.0, weight / (_TOPIC_WORDS + len(tokens) / _TOPIC_LENGTH))

    def _known(self, tokens: Sequence[Token], topic: float) -> Iterator[Candidate]:
        """Yield confirmed mishearings, where surgery is the topic."""
        if topic < _KNOWN_MIN_TOPIC:
            return
        for first, stop, words in groups(tokens):
            term = _mishearings().get(words)
            if term:
                entry = LexiconEntry(text=term, sounds="")
                yield Candidate(first, stop, entry, _KNOWN_GAIN, "known_mishearing")

    def _standalone(self, tokens: Sequence[Token], topic: float) -> Iterator[Candidate]:
        """Yield groups of words that sound like a rare word of the ontology."""
        prior = _LOG_PRIOR + (1 - topic) * _OFF_TOPIC
        for first, stop, words in groups(tokens):
            group = tokens[first:stop]
            spelled = group[0].is_spelled and any(token.after_hyphen for token in group[1:])
            english = min(self._english(words), UNKNOWN if spelled else 0.0)
            if prior + _MAX_TERM_COUNT_GAIN - english < self._min_gain or is_mixed(group):
                continue
            if compound := self._joined(words, group[1:]):
                entry = LexiconEntry(text=compound, sounds="")
                yield Candidate(
                    first, stop, entry, prior + _MAX_TERM_COUNT_GAIN - english, "joined"
                )
                continue
            limit = _LIMIT_GROUP if spelled else self._limit(words, self._lexicon.words)
            for entry, apart in self._similar(sounds_of(group)) if limit else ():
                if apart > _allowed(limit, entry) or not _is_plausible(group, entry, topic):
                    continue
                if self._may_become(words, entry, apart):
                    likelihood = _term_count_gain(entry) - SOUND_COST * apart
                    yield Candidate(first, stop, entry, prior + likelihood - english, "sounds_like")

    def _joined(self, words: Sequence[str], following: Sequence[Token]) -> str | None:
        """Return the compound that the words join to; None where a hyphen joins them already."""
        if len(words) == 1 or any(token.after_hyphen for token in following):
            return None
        if " ".join(words) in self._lexicon.forms:
            return None
        if not any(len(word) == 1 or log_probability(word) < _RARE_IN_COMPOUND for word in words):
            return None
        return self._lexicon.compounds.get("".join(words))

    def _limit(self, words: Sequence[str], correct: frozenset[str]) -> float:
        """Return the largest distance from an entry, relative to its size; 0 where the words are correct."""
        known = [word in correct for word in words]
        if all(known):
            return 0.0
        if any(
            len(w) > 6 and not k and is_built_of_parts(w) for w, k in zip(words, known, strict=True)
        ):
            return 0.0
        rarest = min(map(log_probability, words))
        if len(words) == 1:
            return _LIMIT_UNKNOWN if rarest < _UNLISTED else _LIMIT_KNOWN
        return _LIMIT_UNKNOWN if rarest < _RARE_IN_GROUP else _LIMIT_GROUP

    def _find_similar(self, sounds: str) -> tuple[tuple[LexiconEntry, float], ...]:
        similar = []
        for entry in self._lexicon.similar(key(sounds)):
            limit = _allowed(_LIMIT_UNKNOWN, entry)
            apart = distance(sounds, entry.sounds, limit)
            if apart <= limit:
                similar.append((entry, apart))
        return tuple(similar)

    def _completions(self, tokens: Sequence[Token], topic: float) -> Iterator[Candidate]:
        """Yield groups of words that sound like the rest of a term whose other part is beside them."""
        words = [token.word for token in tokens]
        for first in range(len(tokens)):
            for stop in range(first + 1, min(first + 3, len(tokens)) + 1):
                if stop - first > 1 and not tokens[stop - 1].is_joined:
                    break
                part = " ".join(words[first:stop])
                if entries := self._lexicon.completions_after(part):
                    spans = spans_from(tokens, stop)
                    yield from self._complete(tokens, spans, entries, topic, part, after=True)
                if entries := self._lexicon.completions_before(part):
                    spans = spans_to(tokens, first)
                    yield from self._complete(tokens, spans, entries, topic, part, after=False)

    def _complete(
        self,
        tokens: Sequence[Token],
        spans: Iterable[tuple[int, int]],
        entries: Sequence[LexiconEntry],
        topic: float,
        part: str,
        after: bool,
    ) -> Iterator[Candidate]:
        prior = (
            _LOG_PRIOR_COMPLETION
            - _COMPLETION_COUNT_WEIGHT * math.log(len(entries))
            + (1 - topic) * _OFF_TOPIC / 2
        )
        for first, stop in spans:
            words = tuple(token.word for token in tokens[first:stop])
            english = self._english(words)
            if prior - english < self._min_gain or not NEVER_AT_AN_EDGE.isdisjoint(
                (words[0], words[-1])
            ):
                continue
            whole = " ".join((part, *words) if after else (*words, part))
            if whole in self._lexicon.forms or not self._limit(words, self._lexicon.surgical):
                continue
            sounds = sounds_of(tokens[first:stop])
            for entry, apart in self._similar_completions(part, after, sounds):
                frequency = _COMPLETION_COUNT_WEIGHT * math.log(entry.term_count)
                gain = prior + frequency - COMPLETION_SOUND_COST * apart - english
                if gain > _MIN_GAIN_BEFORE_CONTEXT and self._may_become(words, entry, apart):
                    yield Candidate(first, stop, entry, gain, "rest_of_term")

    def _find_similar_completions(
        self, part: str, after: bool, sounds: str
    ) -> tuple[tuple[LexiconEntry, float], ...]:
        sounds_key = key(sounds)
        lexicon = self._lexicon
        similar = []
        for entry in lexicon.completions_after(part) if after else lexicon.completions_before(part):
            if abs(len(sounds_key) - len(entry.key)) > _MAX_KEY_LENGTH_DIFFERENCE:
                continue
            same_start = sounds_key[:1] == entry.key[:1] and " " not in entry.text
            limit = _allowed_completion(_LIMIT_COMPLETION if same_start else _LIMIT_GROUP, entry)
            apart = distance(sounds, entry.sounds, limit)
            if apart <= limit:
                similar.append((entry, apart))
        return tuple(similar)

    def _english(self, words: Sequence[str]) -> float:
        """Return the log probability that the words are correct as they stand."""
        total = _BINDING * (len(words) - 1)
        for word in words:
            listed = log_probability(word)
            total += max(listed, _SURGICAL_WORD) if word in self._lexicon.surgical else listed
        return total

    def _may_become(self, words: Sequence[str], entry: LexiconEntry, apart: float) -> bool:
        """Tell whether the words may become the entry at all, however similar they sound."""
        folded = entry.text.lower().replace("'s", "")
        if not set(words).isdisjoint(folded.split()):
            return False
        correct = [word for word in words if word in self._lexicon.words]
        drugs = self._lexicon.medications.intersection(w for w in correct if w not in folded)
        if entry.is_medication and drugs:
            return False
        if any(share_a_stem(word, part) for word in correct for part in folded.split()):
            return False
        content = "".join(word for word in words if word not in _SMALL_WORDS) or "".join(words)
        joined = folded.replace(" ", "")
        last = words[-1]
        if len(words) > 1 and f"{folded.removesuffix(last)} {last}" in self._lexicon.forms:
            return False  # "gonia lens" is "gonio lens", not "goniolens".
        if content == joined:
            return False
        if len(words) > 1:
            return not is_inflection(content, joined, 0.0)
        listed = log_probability(words[0]) > _UNLISTED
        return not is_inflection(content, joined, math.inf if listed else apart)


@cache
def _mishearings() -> dict[tuple[str, ...], str]:
    """Read the confirmed mishearings: the term by the recognised words."""
    lines = (
        resources.files("ophvl.text.correction")
        .joinpath("mishearings.tsv")
        .read_text("utf-8")
        .splitlines()
    )
    rows = (line.split("\t") for line in lines[1:])
    return {tuple(recognised.split()): term for recognised, term, _ in rows}


def _is_plausible(group: Sequence[Token], entry: LexiconEntry, topic: float) -> bool:
    """Tell whether letters stand for letters, or a single word begins as the entry does.

    A word of English, or letters, are changed only where surgery is surely the topic.
    """
    if entry.is_spelled:
        return topic >= 1 and all(token.is_spelled for token in group)
    if len(group) > 1:
        return True
    unlisted = log_probability(group[0].word) < _UNLISTED
    return (unlisted or topic >= 1) and key(group[0].sounds)[:1] == entry.key[:1]


def _term_count_gain(entry: LexiconEntry) -> float:
    """Return the gain in nats of a word for the terms that contain it."""
    return 0.7 * math.log(entry.term_count) - (0.0 if entry.is_listed else _DERIVED_FORM)


def _allowed(limit: float, entry: LexiconEntry) -> float:
    """Return the largest distance of sounds from the entry: long words are less easily hit by chance."""
    if entry.is_spelled:
        return _MAX_SPELLED
    whole = size(entry.sounds)
    if entry.is_medication:
        limit *= _MEDICATION_FACTOR
    return limit * whole * min(1.4, max(0.7, whole / _USUAL_SIZE))


def _allowed_completion(limit: float, entry: LexiconEntry) -> float:
    """Return the same for a completion, where the rest of the term is the evidence, not the length."""
    return 2 * _MAX_SPELLED if entry.is_spelled else limit * size(entry.sounds)
