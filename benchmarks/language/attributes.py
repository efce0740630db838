"""Score attributes of narrations, clean and misheard, against gold, with the real `ophvl annotate`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.language.gold import (
    Row,
    Tagging,
    destroyed_terms,
    kind_itself,
    read_rows,
    score_tagging,
    words,
)

PHRASES = ("objective", "postop_care", "disease_cause")


def run_filter(command: str, rows: Iterable[Mapping[str, object]]) -> dict[str, Row]:
    """Run `ophvl annotate` or `ophvl title` on rows; return its output rows by id."""
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    result = subprocess.run(
        [sys.executable, "-m", "ophvl", command, "-"],
        input=lines,
        capture_output=True,
        text=True,
        check=True,
    )
    return {row["id"]: row for row in map(json.loads, result.stdout.splitlines())}


def measure(gold: Path) -> Iterator[str]:
    """Yield the lines of the report for one gold folder."""
    narrations = read_rows(gold / "narrations.jsonl")
    outputs = {
        name: run_filter("annotate", ({"id": n["id"], "text": n[column]} for n in narrations))
        for name, column in (("clean", "text"), ("misheard", "asr_text"))
    }
    grouped = {name: score_tagging(narrations, output) for name, output in outputs.items()}
    for name, score in grouped.items():
        yield (
            f"{name:<9} F1 all {score.all.f1:.3f} (precision {score.all.precision:.3f}, recall "
            f"{score.all.recall:.3f}), core {score.core.f1:.3f}; negation {score.negation:.3f} of "
            f"{score.negation_judged}; descriptive {score.descriptive:.3f} of {score.narrations}"
        )
    for what, of in (("all", lambda s: s.all.f1), ("core", lambda s: s.core.f1)):
        yield f"lost by mishearing, {what}: {of(grouped['clean']) - of(grouped['misheard']):.3f}"
    yield from _table("group", grouped["clean"], grouped["misheard"])
    single = [score_tagging(narrations, output, kind_itself) for output in outputs.values()]
    yield from _table("kind, by itself", *single)
    yield from _restored(narrations, outputs["misheard"])


def _table(title: str, clean: Tagging, misheard: Tagging) -> Iterator[str]:
    yield f"{title:<18}{'gold':>6}{'precision':>11}{'recall':>8}{'F1':>8}{'misheard F1':>13}"
    for kind, counts in sorted(clean.kinds.items()):
        yield (
            f"{kind:<18}{counts.gold:>6}{counts.precision:>11.3f}{counts.recall:>8.3f}"
            f"{counts.f1:>8.3f}{misheard.kinds[kind].f1:>13.3f}"
        )


def _restored(narrations: Sequence[Row], outputs: Mapping[str, Row]) -> Iterator[str]:
    lost = restored = 0
    for narration in narrations:
        corrected = " ".join(words(outputs[narration["id"]]["corrected"]))
        terms = destroyed_terms(narration)
        lost += len(terms)
        restored += sum(term in corrected for term in terms)
    yield f"terms destroyed by mishearing {lost}, restored {restored} = {restored / max(1, lost):.3f}"
