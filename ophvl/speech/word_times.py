"""Repair word times. In: words with a recogniser's times. Out: all words of the text, in order, no overlap.

No word is dropped for lack of a time, least of all a number ("2.4 mm", "23-gauge", "10-0"): a word without a
usable time shares that of a neighbour, and is flagged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from ophvl.ports import Word

_MIN_WORD_S = 0.02
"""Whisper's time resolution. A word shorter than this has no usable time."""


def align_words(text: str, fragments: Sequence[Word], start_s: float) -> list[Word]:
    """Return all words of `text` with the times of their fragments; words without a time are flagged.

    `start_s` serves as the time of words before the first that has one.
    """
    tokens, timed = text.split(), join_fragments(fragments)
    names = [word.word.strip() for word in timed]
    words: list[Word] = []
    for tag, a, b, c, d in SequenceMatcher(None, names, tokens, autojunk=False).get_opcodes():
        if tag == "equal":
            words += (replace(word, word=word.word.strip()) for word in timed[a:b])
        elif tag != "delete":
            at_s = words[-1].end_s if words else start_s
            words += (_untimed(word, at_s) for word in tokens[c:d])
    return words


def _untimed(word: str, at_s: float) -> Word:
    return Word(word=word, start_s=at_s, end_s=at_s, probability=0.0, interpolated=True)


def join_fragments(fragments: Sequence[Word]) -> list[Word]:
    """Join the fragments of words: Whisper times "68-year-old" as " 68", "-year", "-old".

    A fragment that begins with a space begins a word; others continue the word before.
    """
    words: list[Word] = []
    for fragment in fragments:
        if words and not fragment.word[:1].isspace():
            before = words[-1]
            words[-1] = replace(
                before,
                word=before.word + fragment.word,
                end_s=max(before.end_s, fragment.end_s),
                probability=min(before.probability, fragment.probability),
            )
        else:
            words.append(fragment)
    return words


def repair_times(words: Sequence[Word], start_s: float, end_s: float) -> tuple[Word, ...]:
    """Put word times in order; words without a usable time share that of a neighbour, and are flagged.

    A shared time is divided by number of letters. `start_s` and `end_s` bound the segment: they are used if
    none of its words has a usable time.
    """
    groups: list[list[Word]] = [[]]
    reached_s = 0.0
    for word in words:
        begin_s = max(word.start_s, reached_s)
        usable = word.end_s - begin_s >= _MIN_WORD_S and not word.interpolated
        if usable:
            if any(not other.interpolated for other in groups[-1]):
                groups.append([])
            reached_s = word.end_s
        groups[-1].append(replace(word, start_s=begin_s, interpolated=not usable))
    repaired: list[Word] = []
    for group in groups:
        timed = next((word for word in group if not word.interpolated), None)
        if timed:
            repaired += _spread(group, timed.start_s, timed.end_s)
        else:
            repaired += _spread(group, start_s, max(end_s, start_s + _MIN_WORD_S * len(group)))
    return tuple(repaired)


def _spread(words: Sequence[Word], start_s: float, end_s: float) -> Iterator[Word]:
    letters = [max(1, len(word.word)) for word in words]
    borders = [start_s]
    for count in letters[:-1]:
        borders.append(borders[-1] + count * (end_s - start_s) / sum(letters))
    borders.append(end_s)
    for word, begin_s, stop_s in zip(words, borders, borders[1:], strict=False):
        yield replace(word, start_s=begin_s, end_s=stop_s)
