"""Hallucination filters. In: the segments of one video. Out: the same, flagged.

Whisper fills music, noise and silence with text: credits of subtitles, sign-offs, loops, its own hints.
Each rule is a function of the recogniser's output, with its threshold stated; a flag is a column of
`transcripts`, and nothing is removed here. Many rules apply to a `faint` segment only, because surgeons do
say "thank you": only what was recognised with low confidence counts as hallucinated.
Thresholds were set between the output of the packaged models for sounds without speech and for spoken scripts
(`python -m benchmarks.language`); 0.6, -1 and 2.4 are Whisper's own (https://arxiv.org/abs/2212.04356, 4.5).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import fmean

from ophvl.ports import HotWords, Segment
from ophvl.text.words import words_of
from schemas.guards import Guard

NO_SPEECH = 0.6
LOW_LOGPROB = -0.7
VERY_LOW_LOGPROB = -1.0
UNSURE_WORDS = 0.3
"""Mean probability of the words: below it for sounds without speech, seldom for speech."""
COMPRESSION = 2.4
REPEATS_OF_WORDS = 5
REPEATS_OF_PHRASES = 3
"""Repeats in a row that make a loop: of one or two words, and of phrases of three to eight words."""
REPEATED_SEGMENTS = 3
ECHOED_TERMS = 3
"""Number of hot words in a row, in the order of the hints, that make an echo."""
ECHOED_PROMPT_WORDS = 5
ECHOED_SHARE = 0.6
"""The share of a segment's words that an echo fills."""
FASTEST = 8.0
SLOWEST = 0.4
"""Words in a second. Fast speakers reach 5 or 6 over a sentence; slow ones pause between words, which
the words' own lengths leave out."""
_MIN_SPOKEN_S = 4.0

_NOTE = re.compile(r"[\u2669-\u266f]")
# No bracket holds another of its kind: matching an open one then stops at the next, not at the end.
_BRACKETED = re.compile(r"\[[^\[\]]+\]|\([^()]+\)|\*[^*]+\*")
_CAPTION = re.compile(
    r"(?:[\w-]+ ){0,2}(?:music|applause|laughter|humming|singing|beeping)(?: plays| playing)?\W*",
    re.IGNORECASE,
)
_DRAWN_OUT = re.compile(r"([^\W\d_])\1{5}")
_SUNG = frozenset(
    (
        *("ah", "ahh", "aah", "oh", "ohh", "ooh", "oooh", "la", "na", "da", "doo", "hey", "yeah"),
        *("hm", "hmm", "mm", "mmm", "o", "a", "uh", "woah", "whoa"),
    )
)
_CREDIT = re.compile(
    r"\b(?:subtitles?|subtitled|captions?|captioned|closed captioning)\b.{0,30}\bby\b"
    r"|\bamara\.org\b|\bopensubtitles\b|\bsubtitles? (?:edit|workshop)\b"
    r"|\bwww\.\w|\b(?:all rights reserved|copyright)\b|\u00a9",
    re.IGNORECASE,
)
# "The lens is translated by a hook" is speech: this is a credit at the start of a text, or if faint.
_TRANSLATION = r"\b(?:transcri(?:bed|ption|pts?)|translat(?:ed|ion))\b"
_OPENING_CREDIT = re.compile(rf"\W*{_TRANSLATION}(?: \w+){{0,2}} by\b", re.IGNORECASE)
_FAINT_CREDIT = re.compile(rf"{_TRANSLATION}.{{0,30}}\bby\b", re.IGNORECASE)
_SIGN_OFF = re.compile(
    r"\bthank(?:s| you)(?: (?:so|very) much| all)*,? (?:for (?:watching|listening|viewing)|to our)\b"
    r"|\b(?:like|share)(?:,| and)? (?:and )?subscribe\b|\bsubscribe to\b|\b(?:please|don't forget to) "
    r"(?:like|share|subscribe)\b|\bsee you (?:in the |all )?(?:next|again|later|soon)\b"
    r"|\bhit the bell\b|\bin the next video\b|\bto be continued\b",
    re.IGNORECASE,
)
_STOCK = frozenset(
    (
        *(
            "you",
            "thank you",
            "thank you very much",
            "thank you so much",
            "thanks",
            "bye",
            "bye bye",
        ),
        *("goodbye", "okay", "ok", "oh", "oh yeah", "yeah", "yes", "no", "so", "i", "i am", "the"),
        *("i'm sorry", "sorry", "hello", "hi", "hmm", "mm", "uh", "please", "the end", "let's go"),
        *("all right", "i don't know", "i'll be there", "here we go", "and", "a"),
    )
)


def flag_hallucinations(segments: Sequence[Segment], hints: HotWords) -> tuple[Segment, ...]:
    """Return the segments of one video, in order, with the flags of the rules that match them."""
    repeated = _repeated([segment.text for segment in segments])
    return tuple(
        replace(segment, flags=frozenset(_flags(segment, hints, again)))
        for segment, again in zip(segments, repeated, strict=True)
    )


def _flags(segment: Segment, hints: HotWords, repeated: bool) -> Iterator[Guard]:
    faint, text = is_faint(segment), segment.text
    if is_music(text):
        yield Guard.MUSIC
    if is_silence(segment):
        yield Guard.SILENCE
    if repeated or is_loop(text):
        yield Guard.LOOP
    if is_credit(text, faint):
        yield Guard.CREDIT
    if is_stock(text, faint):
        yield Guard.STOCK
    if is_prompt(text, hints, faint):
        yield Guard.PROMPT
    if is_pace(len(segment.words), sum(word.end_s - word.start_s for word in segment.words)):
        yield Guard.PACE


def is_faint(segment: Segment) -> bool:
    """Return whether confidence is low in any way: in speech, in the text, or in its words."""
    return (
        segment.no_speech_prob >= NO_SPEECH
        or segment.avg_logprob <= LOW_LOGPROB
        or _word_probability(segment) <= UNSURE_WORDS
    )


def is_silence(segment: Segment) -> bool:
    """Return whether a segment is silence: no speech is likely, or the text and its words are not."""
    doubted = segment.no_speech_prob >= NO_SPEECH and segment.avg_logprob <= LOW_LOGPROB
    guessed = segment.avg_logprob <= VERY_LOW_LOGPROB and _word_probability(segment) <= UNSURE_WORDS
    return doubted or guessed or not words_of(segment.text)


def is_music(text: str) -> bool:
    """Return whether text is a sound caption (notes, brackets, "music playing") or three sung syllables."""
    if _NOTE.search(text) or _CAPTION.fullmatch(text):
        return True
    if _BRACKETED.search(text) and not words_of(_BRACKETED.sub(" ", text)):
        return True
    words = words_of(text)
    return len(words) >= 3 and _SUNG.issuperset(words)


def is_loop(text: str) -> bool:
    """Return whether text is a loop: letters, a word or a phrase repeat, or it compresses like one."""
    if _DRAWN_OUT.search(text):
        return True
    words = words_of(text)
    for length in range(1, 9):
        least = REPEATS_OF_WORDS if length < 3 else REPEATS_OF_PHRASES
        if _most_repeats(words, length) >= least:
            return True
    packed = text.encode()
    return len(packed) / len(zlib.compress(packed)) >= COMPRESSION


def is_credit(text: str, faint: bool) -> bool:
    """Return whether text is a subtitle credit; possible speech and sign-offs only count if `faint`."""
    if _CREDIT.search(text) or _OPENING_CREDIT.match(text):
        return True
    return faint and bool(_FAINT_CREDIT.search(text) or _SIGN_OFF.search(text))


def is_stock(text: str, faint: bool) -> bool:
    """Return whether text is nothing but a stock phrase, once or several times, and `faint`."""
    phrases = [" ".join(words_of(part)) for part in re.split(r"[.!?,]+", text)]
    nonempty = [phrase for phrase in phrases if phrase]
    return faint and bool(nonempty) and _STOCK.issuperset(nonempty)


def is_prompt(text: str, hints: HotWords, faint: bool) -> bool:
    """Return whether text echoes the hints: terms in a row, the prompt, or a term alone if `faint`."""
    words = words_of(text)
    if not words:
        return False
    terms = [words_of(term) for term in hints.words]
    listed, echoed = _echo(words, terms)
    if listed >= ECHOED_TERMS and echoed >= ECHOED_SHARE * len(words):
        return True
    spoken = _common_run(words, words_of(hints.prompt))
    if spoken >= ECHOED_PROMPT_WORDS and spoken >= ECHOED_SHARE * len(words):
        return True
    known = {word for term in terms for word in term}
    only_terms = known.issuperset(words)
    return only_terms and (faint or len(words) > 2 * ECHOED_TERMS)


def is_pace(words: int, spoken_s: float) -> bool:
    """Return whether words are far denser or sparser than speech; `spoken_s` is their total duration."""
    if words < 3 and spoken_s < _MIN_SPOKEN_S:
        return False
    if words > FASTEST * spoken_s:
        return True
    return spoken_s >= _MIN_SPOKEN_S and words < SLOWEST * spoken_s


def _word_probability(segment: Segment) -> float:
    return fmean(word.probability for word in segment.words) if segment.words else 0.0


def _repeated(texts: Sequence[str]) -> list[bool]:
    """Return which texts repeat `REPEATED_SEGMENTS` times in a row or more."""
    keys = [words_of(text) for text in texts]
    repeated = [False] * len(keys)
    first = 0
    for at in range(1, len(keys) + 1):
        if at == len(keys) or keys[at] != keys[first]:
            if at - first >= REPEATED_SEGMENTS:
                repeated[first:at] = [True] * (at - first)
            first = at
    return repeated


def _most_repeats(words: Sequence[str], length: int) -> int:
    """Return how often the most repeated run of `length` words occurs in a row."""
    most = run = 0
    for at in range(len(words) - length):
        run = run + 1 if words[at] == words[at + length] else 0
        most = max(most, run // length)
    return most + 1


def _echo(words: Sequence[str], terms: Sequence[Sequence[str]]) -> tuple[int, int]:
    """Return the longest run of hint terms in their order: number of terms, and of words."""
    best = (0, 0)
    for first in range(len(terms)):
        for start in range(len(words)):
            at, term = start, first
            while term < len(terms) and list(words[at : at + len(terms[term])]) == terms[term]:
                at, term = at + len(terms[term]), term + 1
            best = max(best, (term - first, at - start))
    return best


def _common_run(words: Sequence[str], prompt: Sequence[str]) -> int:
    """Return the length of the longest run of words in both."""
    best = 0
    before = [0] * (len(prompt) + 1)
    for word in words:
        now = [0] * (len(prompt) + 1)
        for at, hint in enumerate(prompt):
            if word == hint:
                now[at + 1] = before[at] + 1
        best = max(best, *now)
        before = now
    return best
