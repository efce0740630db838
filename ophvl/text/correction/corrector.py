"""Correct what a recogniser misheard, by the terms of the ontology.

`candidates` proposes corrections with their gains, a context scorer may add to the gains, and the best
candidates that do not overlap become edits. No edit touches a number, a side or a negation, and none turns
one drug or term of the ontology into another. A drug that the ontology lacks may still become one that it
has ("sparfloxacin" becomes "ciprofloxacin").
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib import resources
from importlib.metadata import version
from typing import Protocol

from ophvl.ontology import Ontology
from ophvl.text.correction.candidates import Candidate, CandidateGenerator
from ophvl.text.correction.lexicon import Lexicon
from ophvl.text.correction.tokens import Token, tokenize
from schemas.narrations import Edit

_METHOD = "sounds-1"
_TABLES = ("mishearings.tsv", "names.tsv", "word_parts.tsv")

MIN_GAIN = 3.0
"""The least gain of an edit, in nats."""


class ContextScorer(Protocol):
    """Judges how well words fit their context, as a masked language model does."""

    @property
    def revision(self) -> str:
        """Return a name for the exact model and weights."""
        ...

    def gains(self, text: str, edits: Sequence[Edit]) -> Sequence[float]:
        """Return log P(after | context) - log P(before | context) in nats for each edit by itself."""
        ...


class Corrector:
    """Finds corrections; stores nothing between texts but caches."""

    def __init__(self, ontology: Ontology, scorer: ContextScorer | None = None) -> None:
        self._lexicon = Lexicon(ontology)
        self._generator = CandidateGenerator(self._lexicon, min_gain=MIN_GAIN)
        self._scorer = scorer
        parts = [_method(), ontology.revision, *([scorer.revision] if scorer else [])]
        self.revision = "+".join(parts)

    def edits(self, text: str) -> tuple[Edit, ...]:
        """Return the corrections of a text in order; no two overlap."""
        tokens = tokenize(text)
        if not tokens:
            return ()
        candidates = self._generator.candidates(tokens)
        edits = [self._edit(text, tokens, candidate) for candidate in candidates]
        gains = [candidate.gain for candidate in candidates]
        if self._scorer and edits:
            extra = self._scorer.gains(text, edits)
            gains = [gain + more for gain, more in zip(gains, extra, strict=True)]
        return _select(edits, gains)

    def _edit(self, text: str, tokens: Sequence[Token], candidate: Candidate) -> Edit:
        """Return a candidate as an edit, in the case of the words that it replaces."""
        start, end = tokens[candidate.first].start, tokens[candidate.stop - 1].end
        before, after = text[start:end], self._lexicon.with_capitals(candidate.entry.text)
        if after.endswith("'s") and text[end : end + 2].lower() in ("'s", "\u2019s"):
            after = after.removesuffix("'s")
        if before[0].isupper() and after[0].islower() and not before.isupper():
            after = after[0].upper() + after[1:]
        return Edit(
            start=start, end=end, before=before, after=after, rule=candidate.rule, score=0.0
        )


def _select(edits: Sequence[Edit], gains: Sequence[float]) -> tuple[Edit, ...]:
    """Return the edits of the largest gains that do not overlap, in order of the text."""
    chosen: list[Edit] = []
    ranked = sorted(zip(gains, edits, strict=True), key=lambda pair: (-pair[0], pair[1].start))
    for gain, edit in ranked:
        if gain < MIN_GAIN:
            break
        if all(edit.end <= c.start or c.end <= edit.start for c in chosen):
            chosen.append(replace(edit, score=round(1 / (1 + math.exp(-gain)), 3)))
    return tuple(sorted(chosen, key=lambda edit: edit.start))


@cache
def _method() -> str:
    """Return the method's name with the hash of its tables and of the release of the word frequencies."""
    digest = hashlib.sha256(version("wordfreq").encode())
    for table in _TABLES:
        digest.update(resources.files("ophvl.text.correction").joinpath(table).read_bytes())
    return f"{_METHOD}-{digest.hexdigest()[:12]}"
