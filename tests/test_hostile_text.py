"""Text that a stranger wrote costs time in proportion to its length, at every entry."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ophvl.download import subtitle_files
from ophvl.download.yt_dlp.errors import as_item_error, without_secrets
from ophvl.ids import channel_handle, site_id
from ophvl.sources.licences import licence_class
from ophvl.sources.source_list import source_line
from ophvl.speech.hallucinations import is_credit, is_loop, is_music, is_stock
from ophvl.text.concepts.matching import Matcher
from ophvl.text.concepts.tagging import Tagger
from ophvl.text.correction.corrector import Corrector
from ophvl.text.narration.descriptive import descriptive_score
from ophvl.text.narration.disfluencies import disfluency_edits
from ophvl.text.narration.rewrite_check import additions
from ophvl.text.narration.rewriter import _text as json_answer
from ophvl.text.titles.laterality import find_eye
from ophvl.text.titles.structure import structure_title
from ophvl.unicode import normalise_markup
from pipelines import wiring

SHAPES = {
    "separators": "-/_.",
    "brackets": "([{<",
    "nested": "()[]",
    "blanks": " ",
    "quotes": "\"'",
    "numbers": "1.2.",
    "marks": "e\u0301",
    "letters": "a",
    "colons": "//a:",
    "sentence": "no lens, if we ",
    "digits": "1",
    "hyphens": "-",
    "fences": "```",
    "apostrophes": "a'",
}

SHORTEST, LONGEST = 1_000, 32_000
"""Characters of the shorter text. It grows until it takes `LEAST_S`; the longer one is ten times as long."""
LEAST_S = 0.005
"""Shorter times are those of the clock."""
MOST = 15.0
"""How many times as long ten times the text may take; what was measured is tried again."""


@pytest.fixture(scope="module")
def entries(
    matcher: Matcher, tagger: Tagger, corrector: Corrector
) -> dict[str, Callable[[str], object]]:
    path = Path("/list.txt")
    return {
        "address": lambda text: source_line("l", path, 1, f"https://example.org/{text}"),
        "host": lambda text: source_line("l", path, 1, f"https://{text}"),
        "message": lambda text: as_item_error(ValueError(f"//a?{text}"), f"https://e.org/?{text}"),
        "secrets": lambda text: without_secrets(f"https://example.org/?a={text}"),
        "handle": channel_handle,
        "licence": licence_class,
        "spelling": normalise_markup,
        "subtitles": lambda text: subtitle_files.read(f"00:01.000 --> 00:02.000\n{text}"),
        "title": lambda text: structure_title(text, text, matcher),
        "eye": find_eye,
        "tags": tagger.tag,
        "corrections": corrector.edits,
        "disfluencies": disfluency_edits,
        "description": lambda text: descriptive_score(text, tagger.tag("capsulorhexis")),
        "rewrite": lambda text: additions(text, text, tagger),
        "music": is_music,
        "loop": is_loop,
        "credit": lambda text: is_credit(text, True),
        "stock": lambda text: is_stock(text, True),
        "sentences": wiring.sentence_splitter(None, path.parent).split,
        "answer": lambda text: json_answer({"choices": [{"message": {"content": text}}]}),
        "site id": lambda text: site_id("site", text, "https://example.org/v"),
    }


ENTRIES = (
    *(
        "address",
        "host",
        "message",
        "secrets",
        "handle",
        "licence",
        "spelling",
        "subtitles",
        "title",
    ),
    *("eye", "tags", "corrections", "disfluencies", "description", "rewrite", "music", "loop"),
    *("credit", "stock", "sentences", "answer", "site id"),
)


@pytest.mark.parametrize("name", ENTRIES)
def test_ten_times_the_length_costs_at_most_fifteen_times(
    entries: dict[str, Callable[[str], object]], name: str
) -> None:
    assert set(entries) == set(ENTRIES)
    slow = {
        shape: factors
        for shape, unit in SHAPES.items()
        if min(factors := _factors(entries[name], unit)) > MOST
    }
    assert slow == {}


def _factors(entry: Callable[[str], object], unit: str) -> list[float]:
    """Measure how many times as long ten times the text takes, up to three times."""
    length = SHORTEST
    while (short := _seconds(entry, unit, length)) < LEAST_S and length < LONGEST:
        length *= 2
    factors = [_seconds(entry, unit, 10 * length) / max(short, LEAST_S)]
    while factors[-1] > MOST and len(factors) < 3:
        short = _seconds(entry, unit, length)
        factors.append(_seconds(entry, unit, 10 * length) / max(short, LEAST_S))
    return factors


def _seconds(entry: Callable[[str], object], unit: str, length: int) -> float:
    text = unit * (length // len(unit))
    started = time.process_time()
    entry(text)
    return time.process_time() - started
