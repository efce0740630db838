"""What the tests of phrases and advice read: the words of each span."""

from __future__ import annotations

import itertools

from ophvl.text.concepts.cue_index import CueIndex
from ophvl.text.concepts.phrases import find_phrases
from ophvl.text.concepts.postop_care import advice_spans


def phrases(matcher, text, kind):
    all_phrases = find_phrases(CueIndex(text), matcher.find(text))
    assert all(a.end <= b.start for a, b in itertools.pairwise(all_phrases))
    return [text[p.start : p.end] for p in all_phrases if p.kind is kind]


def advice(text, known=()):
    """The advice of a text by start; two rules may find the same."""
    spans = sorted(set(advice_spans(CueIndex(text), known)))
    return [text[start:end] for start, end in spans]
