"""The text side holds what docs/language.md says of it, through the real filters.

The bars of the project's own gold lie a little below what was measured; those of the other gold are what was
asked for.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.language.__main__ import OWN_GOLD
from benchmarks.language.attributes import run_filter
from benchmarks.language.gold import (
    Row,
    destroyed_terms,
    kind_itself,
    read_rows,
    score_tagging,
    score_titles,
    words,
)


@dataclass(frozen=True, kw_only=True)
class Bars:
    folder: Path
    all: float
    core: float
    phrases: float
    lost: float
    negation: float
    restored: float
    surgery: float


def _bars() -> list[object]:
    own = Bars(
        folder=OWN_GOLD,
        all=0.87,
        core=0.87,
        phrases=0.6,
        lost=0.14,
        negation=0.75,
        restored=0.35,
        surgery=0.84,
    )
    data = os.environ.get("OPHVL_TEST_DATA")
    other = Bars(
        folder=Path(data or "") / "gold",
        all=0.80,
        core=0.88,
        phrases=0.6,
        lost=0.05,
        negation=0.9,
        restored=0.7,
        surgery=0.9,
    )
    absent = pytest.mark.skipif(not data, reason="needs the gold folder in $OPHVL_TEST_DATA")
    return [pytest.param(own, id="own"), pytest.param(other, id="other", marks=absent)]


@pytest.fixture(scope="module", params=_bars())
def bars(request: pytest.FixtureRequest) -> Bars:
    return request.param


@pytest.fixture(scope="module")
def narrations(bars: Bars) -> list[Row]:
    return read_rows(bars.folder / "narrations.jsonl")


@pytest.fixture(scope="module")
def clean(narrations: list[Row]) -> dict[str, Row]:
    return run_filter("annotate", [{"id": n["id"], "text": n["text"]} for n in narrations])


@pytest.fixture(scope="module")
def misheard(narrations: list[Row]) -> dict[str, Row]:
    return run_filter("annotate", [{"id": n["id"], "text": n["asr_text"]} for n in narrations])


def test_attributes(bars, narrations, clean) -> None:
    score = score_tagging(narrations, clean)
    assert score.all.f1 >= bars.all
    assert score.core.f1 >= bars.core
    assert score.negation >= bars.negation
    assert score.descriptive >= 0.95


@pytest.mark.parametrize("kind", ["objective", "postop_care", "disease_cause"])
def test_phrases(bars, narrations, clean, kind: str) -> None:
    assert score_tagging(narrations, clean, kind_itself).kinds[kind].f1 >= bars.phrases


def test_what_mishearing_costs(bars, narrations, clean, misheard) -> None:
    before, after = score_tagging(narrations, clean), score_tagging(narrations, misheard)
    assert before.all.f1 - after.all.f1 <= bars.lost
    assert before.core.f1 - after.core.f1 <= bars.lost


def test_destroyed_terms_are_restored(bars, narrations, misheard) -> None:
    lost = [(n["id"], term) for n in narrations for term in destroyed_terms(n)]
    restored = [term for id_, term in lost if term in " ".join(words(misheard[id_]["corrected"]))]
    assert len(restored) / len(lost) >= bars.restored


def test_correct_words_are_left_alone(narrations, clean) -> None:
    changed = sum(len(edit["from"].split()) for row in clean.values() for edit in row["edits"])
    assert changed / sum(len(n["text"].split()) for n in narrations) <= 0.003


def test_titles(bars) -> None:
    titles = read_rows(bars.folder / "titles.jsonl")
    names = ("id", "raw_title", "description", "channel")
    said = run_filter("title", [{name: title[name] for name in names} for title in titles])
    score = score_titles(titles, said)
    assert score["is_surgical"].recall >= 0.97
    assert score["surgery"].f1 >= bars.surgery
    assert score["eye"].recall >= 0.95
