"""Edits of correct prose are counted both ways, and the worst of them are marked."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks.language import harm
from ophvl.text.narration.sentences import SentenceSplitter
from schemas.narrations import Edit

TEXTS = ["The lens &amp; the capsule stay.", "", "Then the capsule is left in place, and we go on."]


class Corrects:
    """Changes one word wherever it stands."""

    def __init__(self, before: str, after: str) -> None:
        self._before, self._after = before, after

    def edits(self, text: str) -> tuple[Edit, ...]:
        return tuple(
            Edit(
                start=found.start(),
                end=found.end(),
                before=self._before,
                after=self._after,
                rule="r",
                score=0.9,
            )
            for found in re.finditer(re.escape(self._before), text)
        )


def test_texts_are_read_line_by_line(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps({"id": n, "text": text}) for n, text in enumerate(TEXTS))
    (tmp_path / "prose.jsonl").write_text(f"{lines}\n\n")
    assert harm.read(tmp_path / "prose.jsonl") == TEXTS


def test_each_edit_counts_through_annotate_and_through_the_stage(tagger) -> None:
    corrector = Corrects("capsule", "scapula")
    by_annotate = harm.annotated(TEXTS, corrector)
    assert [change.text for change in by_annotate] == ["The lens & the capsule stay.", TEXTS[2]]
    by_stage = harm.segmented(TEXTS, corrector, tagger, SentenceSplitter())
    assert [change.edit.before for change in by_stage] == ["capsule", "capsule"]
    joined = harm.segmented(["The", "capsule", "stays."], corrector, tagger, SentenceSplitter())
    assert [change.text for change in joined] == ["The capsule stays."]


@pytest.mark.parametrize(
    ("before", "after", "mark"),
    [
        ("capsule", "scapula", ""),
        ("left", "lift", "TOUCHES A NUMBER, SIDE OR DENIAL"),
        ("place", "the right place", "TOUCHES A NUMBER, SIDE OR DENIAL"),
        ("capsule", "trypan blue", "INVENTS TRYPAN BLUE"),
    ],
)
def test_what_is_worst_is_marked(tagger, before: str, after: str, mark: str) -> None:
    (change,) = harm.annotated(TEXTS[2:], Corrects(before, after))
    line = change.format(tagger)
    assert line.startswith(f"  {before} -> {after} (r 0.9)")
    assert ("TOUCHES" in line or "INVENTS" in line) == bool(mark)
    assert mark in line
    assert "| Then the capsule" in line
