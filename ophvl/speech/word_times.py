"""Word times. In: words as a recogniser timed them. Out: every word of the text, in order, without overlap.

No word is dropped for want of a time, numbers least of all ("2.4 mm", "23-gauge", "10-0"): what has no
usable time shares that of a neighbour, and is marked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from ophvl.ports import Word

_MIN_WORD_S = 0.02
"""The step of Whisper's own clock. A word shorter than this has no usable time."""


def timed_words(text: str, pieces: Sequence[Word], start_s: float) -> list[Word]:
    """All words of `text`, each with the time of its pieces; those that have none are marked.

    `start_s` serves as the time of words before the first that has one.
    """
    said, found = text.split(), whole_words(pieces)
    names = [word.word.strip() for word in found]
    words: list[Word] = []
    for tag, a, b, c, d in SequenceMatcher(None, names, said, autojunk=False).get_opcodes():
        if tag == "equal":
            words += (replace(word, word=word.word.strip()) for word in found[a:b])
        elif tag != "delete":
            at_s = words[-1].end_s if words else start_s
            words += (_untimed(word, at_s) for word in said[c:d])
    return words


def _untimed(word: str, at_s: float) -> Word:
    return Word(word=word, start_s=at_s, end_s=at_s, probability=0.0, interpolated=True)


def whole_words(pieces: Sequence[Word]) -> list[Word]:
    """Join the pieces of words: Whisper times "68-year-old" as " 68", "-year", "-old".

    A piece that begins with a blank begins a word; the others go on with the one before.
    """
    words: list[Word] = []
    for piece in pieces:
        if words and not piece.word[:1].isspace():
            before = words[-1]
            words[-1] = replace(
                before,
                word=before.word + piece.word,
                end_s=max(before.end_s, piece.end_s),
                probability=min(before.probability, piece.probability),
            )
        else:
            words.append(piece)
    return words


def tidy_words(words: Sequence[Word], start_s: float, end_s: float) -> tuple[Word, ...]:
    """Put word times in order; words without a usable time share that of a neighbour, and are flagged.

    A shared time is divided by letters. `start_s` and `end_s` bound the segment: they serve where none
    of its words has a usable time.
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
    tidy: list[Word] = []
    for group in groups:
        timed = next((word for word in group if not word.interpolated), None)
        if timed:
            tidy += _spread(group, timed.start_s, timed.end_s)
        else:
            tidy += _spread(group, start_s, max(end_s, start_s + _MIN_WORD_S * len(group)))
    return tuple(tidy)


def _spread(words: Sequence[Word], start_s: float, end_s: float) -> Iterator[Word]:
    letters = [max(1, len(word.word)) for word in words]
    borders = [start_s]
    for count in letters[:-1]:
        borders.append(borders[-1] + count * (end_s - start_s) / sum(letters))
    borders.append(end_s)
    for word, begin_s, stop_s in zip(words, borders, borders[1:], strict=False):
        yield replace(word, start_s=begin_s, end_s=stop_s)
