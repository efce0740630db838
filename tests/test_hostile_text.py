"""Text that a stranger wrote costs time in proportion to its length, at every entry."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ophvl.download import subtitle_files
from ophvl.download.yt_dlp.errors import as_item_error, without_secrets
from ophvl.ids import channel_handle
from ophvl.sources.licences import licence_class
from ophvl.sources.source_list import source_line
from ophvl.speech.hallucinations import is_credit, is_loop, is_music, is_stock
from ophvl.text.concepts.matching import Matcher
from ophvl.text.concepts.tagging import Tagger
from ophvl.text.correction.corrector import Corrector
from ophvl.text.narration.descriptive import descriptive_score
from ophvl.text.narration.disfluencies import disfluency_edits
from ophvl.text.narration.rewrite_check import additions
from ophvl.text.titles.laterality import find_eye
from ophvl.text.titles.structure import structure_title
from ophvl.unicode import normalise_markup

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
}

SHORT, LONG = 2_000, 20_000
LEAST_S = 0.004
"""Shorter times are those of the clock."""


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
    *("credit", "stock"),
)


@pytest.mark.parametrize("name", ENTRIES)
def test_ten_times_the_length_costs_at_most_fifteen_times(
    entries: dict[str, Callable[[str], object]], name: str
) -> None:
    assert set(entries) == set(ENTRIES)
    slow = {}
    for shape, unit in SHAPES.items():
        short, long = (
            _seconds(entries[name], unit * (length // len(unit))) for length in (SHORT, LONG)
        )
        if long > 15 * max(short, LEAST_S):
            slow[shape] = (short, long)
    assert slow == {}


def _seconds(entry: Callable[[str], object], text: str) -> float:
    times = []
    for _ in range(2):
        started = time.process_time()
        entry(text)
        times.append(time.process_time() - started)
    return min(times)
