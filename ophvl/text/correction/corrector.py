"""Correct what a recogniser misheard, by the ontology's terms.

In: a recognised text. Out: edits, none of which touches a number, a side or a negation, and none of which
turns one drug or one term that was said right into another.

A noisy channel: one to four heard words become a term where that explains the sounds better than the words do
by themselves,

    gain = log P(term | surgery is spoken of, rest of the term)
         - SOUND_COST * distance(heard, term)
         - log P(heard words | English)

in nats; the edit is made where the gain exceeds `MIN_GAIN`. Sounds and their distances come from `phonetics`,
probabilities of words from `english`, terms from `lexicon`. A scorer of contexts may add to the gain.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from importlib.metadata import version
from typing import Protocol

from ophvl.ontology import Ontology
from ophvl.text.correction.lexicon import Lexicon, Target
from ophvl.text.correction.morphology import is_inflection, share_a_stem
from ophvl.text.correction.phonetics import distance, key, size
from ophvl.text.correction.tokens import (
    NEVER_AT_AN_EDGE,
    Token,
    groups,
    is_mixed,
    said,
    spans_from,
    spans_to,
    tokens,
)
from ophvl.text.correction.word_frequency import UNKNOWN, is_built_of_parts, log_probability
from ophvl.text.edits import Edit

_METHOD = "sounds-1"
_TABLES = ("mishearings.tsv", "names.tsv", "word_parts.tsv")

MIN_GAIN = 3.0
"""What an edit must gain."""
_MIN_HEARD = -3.0
"""What sounds must gain for a scorer of contexts to be asked."""
SOUND_COST, COST_BESIDE = 4.5, 2.8
"""Nats for each unit of distance, anywhere and beside the rest of a term."""
_PRIOR = -8.5
"""Log probability of a rare term's word where surgery is spoken of."""
_PRIOR_BESIDE = -3.0
"""Log probability of the rest of a term beside the part that was heard."""
_OFTEN_BESIDE = 0.25
"""How much the number of terms that hold the rest counts."""
_NO_TOPIC = -14.0
"""Added where nothing else in the text is of surgery."""
_TOPIC_WORDS, _TOPIC_LENGTH, _WEAK_WORD = 1.5, 60, 0.4
"""A text is of surgery for sure with this many telling words, and one more for this many words of text; a
surgical word that is less telling counts this much."""
_BINDING = 3.0
"""What each further word of a heard group gains by the one before it: words come in company."""
_SURGICAL_WORD = -6.0
"""Log probability of a word of the ontology where surgery is spoken of."""
_MANY_TERMS = 2.5
"""What a word gains at most by standing in many terms."""
_BY_RULE = 0.7
"""What a plural or another form by rule loses."""
_ODD, _ODD_IN_GROUP, _UNHEARD_OF = -12.5, -15.0, -20.0
"""Log probabilities below which a word is odd as part of a compound, odd in a group, listed nowhere."""
_LIMIT_UNKNOWN = 0.22
_LIMIT_KNOWN = 0.085
_LIMIT_GROUP = 0.17
_LIMIT_BESIDE = 0.42
"""How far sounds may be from a target of usual size, relative to it, for heard words that are listed
nowhere, that are listed, for groups, and beside the rest of a term."""
_MAX_KEY_APART = 2
_KNOWN_GAIN, _KNOWN_TOPIC = 6.0, 0.4
"""Gain of a mishearing that was confirmed, and how surely surgery must be spoken of."""
_USUAL_SIZE = 5.5
_DRUG = 0.6
"""Drugs are named with more care: of two that sound alike only one may be in the ontology."""
_MAX_SPELLED = 0.42
"""How far the names of letters may be apart."""

_LONGEST_TERM = 5
"""Words of a term that is looked for as it stands."""

_SMALL_TEXT = "a an and as at by for from i in into is it of off on or so the to was we with"
_SMALL = frozenset(_SMALL_TEXT.split())


class ContextScorer(Protocol):
    """Judges how well words fit their context, as a masked language model does."""

    @property
    def revision(self) -> str:
        """Names the model and its weights exactly."""
        ...

    def gains(self, text: str, edits: Sequence[Edit]) -> Sequence[float]:
        """For each edit by itself: log P(after | context) - log P(before | context), in nats."""
        ...


@dataclass(frozen=True, slots=True)
class _Found:
    first: int
    stop: int
    target: Target
    gain: float
    rule: str


def _place(found: _Found) -> range:
    return range(found.first, found.stop)


class Corrector:
    """Finds corrections; keeps no state between texts but caches."""

    def __init__(self, ontology: Ontology, scorer: ContextScorer | None = None) -> None:
        self._lexicon = Lexicon(ontology)
        self._scorer = scorer
        parts = [_method(), ontology.revision, *([scorer.revision] if scorer else [])]
        self.revision = "+".join(parts)
        self._alike = lru_cache(maxsize=1 << 16)(self._find_alike)
        self._rests_alike = lru_cache(maxsize=1 << 16)(self._find_rests_alike)

    def edits(self, text: str) -> tuple[Edit, ...]:
        """The corrections of a text, in order; no two overlap."""
        heard = tokens(text)
        if not heard:
            return ()
        topic = self._topic(heard)
        alone, together = self._right(heard)
        guessed = [
            *(f for f in self._free(heard, topic) if not alone.issuperset(_place(f))),
            *(
                f
                for f in self._beside(heard, topic)
                if not alone.issuperset(_place(f)) and together.isdisjoint(_place(f))
            ),
        ]
        guessed = [f for f in guessed if f.gain > _MIN_HEARD]
        found = [*self._known(heard, topic), *guessed]
        edits = [_edit(text, heard, f, self._lexicon.written(f.target.text)) for f in found]
        gains = [f.gain for f in found]
        if self._scorer and edits:
            extra = self._scorer.gains(text, edits)
            gains = [gain + more for gain, more in zip(gains, extra, strict=True)]
        chosen: list[Edit] = []
        ranked = sorted(zip(gains, edits, strict=True), key=lambda p: (-p[0], p[1].start))
        for gain, edit in ranked:
            if gain < MIN_GAIN:
                break
            if all(edit.end <= c.start or c.end <= edit.start for c in chosen):
                chosen.append(_scored(edit, gain))
        return tuple(sorted(chosen, key=lambda edit: edit.start))

    def _right(self, heard: Sequence[Token]) -> tuple[set[int], set[int]]:
        """The places of words that are terms as they stand or small words, and of those in longer terms.

        A longer term has its rest already: what follows "corneal scar" is not misheard for "corneal ...".
        """
        words = [token.word for token in heard]
        alone = {place for place, word in enumerate(words) if word in _SMALL}
        together: set[int] = set()
        for first in range(len(words)):
            for stop in range(first + 1, min(first + _LONGEST_TERM, len(words)) + 1):
                if " ".join(words[first:stop]) in self._lexicon.forms:
                    (together if stop - first > 1 else alone).update(range(first, stop))
        return alone | together, together

    def _topic(self, heard: Sequence[Token]) -> float:
        """How surely surgery is spoken of: 0 to 1."""
        words = {token.word for token in heard}
        telling = len(words & self._lexicon.telling)
        weight = telling + _WEAK_WORD * (len(words & self._lexicon.surgical) - telling)
        return min(1.0, weight / (_TOPIC_WORDS + len(heard) / _TOPIC_LENGTH))

    def _known(self, heard: Sequence[Token], topic: float) -> Iterator[_Found]:
        """Confirmed mishearings, where surgery is spoken of."""
        if topic < _KNOWN_TOPIC:
            return
        for first, stop, words in groups(heard):
            meant = _mishearings().get(words)
            if meant:
                yield _Found(
                    first, stop, Target(text=meant, sounds=""), _KNOWN_GAIN, "known_mishearing"
                )

    def _free(self, heard: Sequence[Token], topic: float) -> Iterator[_Found]:
        """Groups of words that sound like a rare word of the ontology."""
        prior = _PRIOR + (1 - topic) * _NO_TOPIC
        for first, stop, words in groups(heard):
            group = heard[first:stop]
            spelled = group[0].spelled and any(token.hyphen for token in group[1:])
            english = min(self._english(words), UNKNOWN if spelled else 0.0)
            if prior + _MANY_TERMS - english < MIN_GAIN or is_mixed(group):
                continue
            if compound := self._joined(words, group[1:]):
                target = Target(text=compound, sounds="")
                yield _Found(first, stop, target, prior + _MANY_TERMS - english, "joined")
                continue
            limit = _LIMIT_GROUP if spelled else self._limit(words, self._lexicon.words)
            for target, apart in self._alike(said(group)) if limit else ():
                if apart > _allowed(limit, target) or not _is_told(group, target, topic):
                    continue
                if self._may_become(words, target, apart):
                    fit = _fit(target) - SOUND_COST * apart
                    yield _Found(first, stop, target, prior + fit - english, "sounds_like")

    def _joined(self, words: Sequence[str], following: Sequence[Token]) -> str | None:
        """The compound whose parts were heard as words of their own; a hyphen between them is right."""
        if len(words) == 1 or any(token.hyphen for token in following):
            return None
        if " ".join(words) in self._lexicon.forms:
            return None
        if not any(len(word) == 1 or log_probability(word) < _ODD for word in words):
            return None
        return self._lexicon.compounds.get("".join(words))

    def _limit(self, words: Sequence[str], right: frozenset[str]) -> float:
        """How far sounds may be from a target's, relative to its size; 0 where the words are right."""
        known = [word in right for word in words]
        if all(known):
            return 0.0
        if any(
            len(w) > 6 and not k and is_built_of_parts(w) for w, k in zip(words, known, strict=True)
        ):
            return 0.0
        oddest = min(map(log_probability, words))
        if len(words) == 1:
            return _LIMIT_UNKNOWN if oddest < _UNHEARD_OF else _LIMIT_KNOWN
        return _LIMIT_UNKNOWN if oddest < _ODD_IN_GROUP else _LIMIT_GROUP

    def _find_alike(self, said: str) -> tuple[tuple[Target, float], ...]:
        found = []
        for target in self._lexicon.alike(key(said)):
            limit = _allowed(_LIMIT_UNKNOWN, target)
            apart = distance(said, target.sounds, limit)
            if apart <= limit:
                found.append((target, apart))
        return tuple(found)

    def _beside(self, heard: Sequence[Token], topic: float) -> Iterator[_Found]:
        """Groups of words that sound like the rest of a term whose other part stands beside them."""
        words = [token.word for token in heard]
        for first in range(len(heard)):
            for stop in range(first + 1, min(first + 3, len(heard)) + 1):
                if stop - first > 1 and not heard[stop - 1].joined:
                    break
                held = " ".join(words[first:stop])
                if rests := self._lexicon.rest_after(held):
                    spans = spans_from(heard, stop)
                    yield from self._rests(heard, spans, rests, topic, held, after=True)
                if rests := self._lexicon.rest_before(held):
                    spans = spans_to(heard, first)
                    yield from self._rests(heard, spans, rests, topic, held, after=False)

    def _rests(
        self,
        heard: Sequence[Token],
        spans: Iterable[tuple[int, int]],
        rests: Sequence[Target],
        topic: float,
        held: str,
        after: bool,
    ) -> Iterator[_Found]:
        prior = _PRIOR_BESIDE - 0.25 * math.log(len(rests)) + (1 - topic) * _NO_TOPIC / 2
        for first, stop in spans:
            words = tuple(token.word for token in heard[first:stop])
            english = self._english(words)
            if prior - english < MIN_GAIN or not NEVER_AT_AN_EDGE.isdisjoint((words[0], words[-1])):
                continue
            whole = " ".join((held, *words) if after else (*words, held))
            if whole in self._lexicon.forms or not self._limit(words, self._lexicon.surgical):
                continue
            for target, apart in self._rests_alike(held, after, said(heard[first:stop])):
                often = _OFTEN_BESIDE * math.log(target.terms)
                gain = prior + often - COST_BESIDE * apart - english
                if gain > _MIN_HEARD and self._may_become(words, target, apart):
                    yield _Found(first, stop, target, gain, "rest_of_term")

    def _find_rests_alike(
        self, held: str, after: bool, said: str
    ) -> tuple[tuple[Target, float], ...]:
        heard_key = key(said)
        found = []
        for target in self._lexicon.rest_after(held) if after else self._lexicon.rest_before(held):
            if abs(len(heard_key) - len(target.key)) > _MAX_KEY_APART:
                continue
            alike = heard_key[:1] == target.key[:1] and " " not in target.text
            limit = _allowed_beside(_LIMIT_BESIDE if alike else _LIMIT_GROUP, target)
            apart = distance(said, target.sounds, limit)
            if apart <= limit:
                found.append((target, apart))
        return tuple(found)

    def _english(self, words: Sequence[str]) -> float:
        """Log probability that the words were meant as they stand."""
        total = _BINDING * (len(words) - 1)
        for word in words:
            known = log_probability(word)
            total += max(known, _SURGICAL_WORD) if word in self._lexicon.surgical else known
        return total

    def _may_become(self, words: Sequence[str], target: Target, apart: float) -> bool:
        """What never happens, however alike it sounds."""
        folded = target.text.lower().replace("'s", "")
        if not set(words).isdisjoint(folded.split()):
            return False
        right = [word for word in words if word in self._lexicon.words]
        drugs = self._lexicon.medications.intersection(word for word in right if word not in folded)
        if target.is_medication and drugs:
            return False
        if any(share_a_stem(word, part) for word in right for part in folded.split()):
            return False
        content = "".join(word for word in words if word not in _SMALL) or "".join(words)
        joined = folded.replace(" ", "")
        last = words[-1]
        if len(words) > 1 and f"{folded.removesuffix(last)} {last}" in self._lexicon.forms:
            return False  # "gonia lens" is "gonio lens", not "goniolens".
        if content == joined:
            return False
        if len(words) > 1:
            return not is_inflection(content, joined, 0.0)
        listed = log_probability(words[0]) > _UNHEARD_OF
        return not is_inflection(content, joined, math.inf if listed else apart)


@cache
def _method() -> str:
    """The method, with the hash of its tables and the release of the word frequencies."""
    digest = hashlib.sha256(version("wordfreq").encode())
    for table in _TABLES:
        digest.update(resources.files("ophvl.text.correction").joinpath(table).read_bytes())
    return f"{_METHOD}-{digest.hexdigest()[:12]}"


@cache
def _mishearings() -> dict[tuple[str, ...], str]:
    """What recognisers were seen to write, by the words heard."""
    lines = (
        resources.files("ophvl.text.correction")
        .joinpath("mishearings.tsv")
        .read_text("utf-8")
        .splitlines()
    )
    rows = (line.split("\t") for line in lines[1:])
    return {tuple(heard.split()): meant for heard, meant, _ in rows}


def _is_told(group: Sequence[Token], target: Target, topic: float) -> bool:
    """Whether enough speaks for the target: letters were heard for letters, or one word begins as it does.

    A word that English has, or letters, are changed only where the text is of surgery for sure.
    """
    if target.is_spelled:
        return topic >= 1 and all(token.spelled for token in group)
    if len(group) > 1:
        return True
    unheard_of = log_probability(group[0].word) < _UNHEARD_OF
    return (unheard_of or topic >= 1) and key(group[0].sounds)[:1] == target.key[:1]


def _fit(target: Target) -> float:
    """How much more often a word is said that many terms hold, in nats."""
    return 0.7 * math.log(target.terms) - (0.0 if target.is_listed else _BY_RULE)


def _allowed(limit: float, target: Target) -> float:
    """How far sounds may be from the target's: long words are less easily hit by chance."""
    if target.is_spelled:
        return _MAX_SPELLED
    whole = size(target.sounds)
    if target.is_medication:
        limit *= _DRUG
    return limit * whole * min(1.4, max(0.7, whole / _USUAL_SIZE))


def _allowed_beside(limit: float, target: Target) -> float:
    """The same beside the rest of a term, which bears the evidence that length bears elsewhere."""
    return 2 * _MAX_SPELLED if target.is_spelled else limit * size(target.sounds)


def _edit(text: str, heard: Sequence[Token], found: _Found, after: str) -> Edit:
    start, end = heard[found.first].start, heard[found.stop - 1].end
    before = text[start:end]
    if after.endswith("'s") and text[end : end + 2].lower() in ("'s", "\u2019s"):
        after = after.removesuffix("'s")
    if before[0].isupper() and after[0].islower() and not before.isupper():
        after = after[0].upper() + after[1:]
    return Edit(start=start, end=end, before=before, after=after, rule=found.rule, score=0.0)


def _scored(edit: Edit, gain: float) -> Edit:
    score = round(1 / (1 + math.exp(-gain)), 3)
    return Edit(
        start=edit.start,
        end=edit.end,
        before=edit.before,
        after=edit.after,
        rule=edit.rule,
        score=score,
    )
