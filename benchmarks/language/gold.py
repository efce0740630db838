"""Gold data, and the rules by which attributes, corrections and titles are scored against it.

In: a gold folder (`narrations.jsonl`, `titles.jsonl`, `scripts.jsonl`; its README states the annotation
rules) and what `ophvl annotate` or `ophvl title` print for it. Out: counts. The rules:

- Kinds are grouped: phase, operation and action are `step`; disease, disease_cause and complication are
  `condition`. Core are surgery, instrument, medication, anatomy and condition.
- A gold attribute is matched by a prediction of its group whose span overlaps its own with an
  intersection over union of at least 0.4, each prediction used once, gold in order, best overlap first.
- Spans of a corrected text are mapped to the gold text by aligned blocks of equal characters.
- Negation is scored where gold or prediction of a matched pair is negated.
- A term counts as destroyed if its words are missing in the misheard text, and as restored if they are in
  the corrected one.
- A title's value is matched by one that shares all words of the shorter of the two.
"""

from __future__ import annotations

import difflib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]
"""One line of a gold file or of a filter's output, parsed from JSON."""

GROUPS = {
    "phase": "step",
    "operation": "step",
    "action": "step",
    "disease": "condition",
    "disease_cause": "condition",
    "complication": "condition",
}
CORE = frozenset({"surgery", "instrument", "medication", "anatomy", "condition"})
MIN_OVERLAP = 0.4
TITLE_FIELDS = ("surgery", "condition", "technique", "device")
_SHARED_WORDS = 0.99


def group_of(kind: str) -> str:
    """Return the group in which a kind is scored."""
    return GROUPS.get(kind, kind)


def kind_itself(kind: str) -> str:
    """Return the kind unchanged, to score each kind by itself."""
    return kind


@dataclass
class Counts:
    """Numbers of matched, predicted and gold items."""

    matched: int = 0
    predicted: int = 0
    gold: int = 0

    @property
    def precision(self) -> float:
        """Matched items as a share of the predicted ones."""
        return self.matched / max(1, self.predicted)

    @property
    def recall(self) -> float:
        """Matched items as a share of the gold ones."""
        return self.matched / max(1, self.gold)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.matched / max(1, self.predicted + self.gold)

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.matched + other.matched, self.predicted + other.predicted, self.gold + other.gold
        )


@dataclass
class Tagging:
    """Scores of a set of narrations. `kinds` holds one entry for each kind or group."""

    kinds: dict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    negation_right: int = 0
    negation_judged: int = 0
    descriptive_right: int = 0
    narrations: int = 0

    @property
    def all(self) -> Counts:
        """Counts over all kinds."""
        return sum(self.kinds.values(), Counts())

    @property
    def core(self) -> Counts:
        """Counts over the core kinds."""
        return sum((c for kind, c in self.kinds.items() if kind in CORE), Counts())

    @property
    def negation(self) -> float:
        """Accuracy of negation."""
        return self.negation_right / max(1, self.negation_judged)

    @property
    def descriptive(self) -> float:
        """Accuracy of the flag `descriptive` over narrations."""
        return self.descriptive_right / max(1, self.narrations)


def read_rows(path: Path) -> list[Row]:
    """Read the objects of a JSON Lines file."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def score_tagging(
    gold: Sequence[Row], outputs: Mapping[str, Row], kind_of: Callable[[str], str] = group_of
) -> Tagging:
    """Score the output of `ophvl annotate`, which is given by id of the narration."""
    total = Tagging()
    for narration in gold:
        output = outputs[narration["id"]]
        total.narrations += 1
        total.descriptive_right += output["descriptive"] == narration["descriptive"]
        _score_narration(narration, output, kind_of, total)
    return total


def destroyed_terms(narration: Row) -> list[str]:
    """Return the words of the core and step terms that mishearing destroyed."""
    misheard = " ".join(words(narration["asr_text"]))
    terms = [
        " ".join(words(a["surface"]))
        for a in narration["attributes"]
        if group_of(a["kind"]) in CORE | {"step"}
    ]
    return [term for term in terms if term not in misheard]


def score_titles(gold: Sequence[Row], outputs: Mapping[str, Row]) -> dict[str, Counts]:
    """Count by field of surgical titles; for `is_surgical` and `eye` right answers among all."""
    total = {name: Counts() for name in ("is_surgical", *TITLE_FIELDS, "eye")}
    for title in gold:
        expected, output = title["expected"], outputs[title["id"]]
        right = bool(output["is_surgical"]) == expected["is_surgical"]
        total["is_surgical"] += Counts(right, 1, 1)
        if not expected["is_surgical"]:
            continue
        for name in TITLE_FIELDS:
            total[name] += _values(expected[name], output[name] or [])
        total["eye"] += Counts(output["eye"] == expected["eye"], 1, 1)
    return total


def remaining_noise(gold: Sequence[Row], outputs: Mapping[str, Row]) -> list[tuple[str, str]]:
    """Return the noise of surgical titles that their structured titles still hold: noise and title."""
    return [
        (noise, outputs[title["id"]]["title"])
        for title in gold
        if title["expected"]["is_surgical"]
        for noise in title["expected"]["noise"]
        if noise.strip() and noise.strip().lower() in (outputs[title["id"]]["title"] or "").lower()
    ]


def words(text: str) -> list[str]:
    """Split a text into words of Latin letters and digits, in lower case."""
    return re.findall(r"[a-z0-9]+", text.lower())


def _score_narration(
    narration: Row, output: Row, kind_of: Callable[[str], str], total: Tagging
) -> None:
    to_gold = _span_mapper(output["corrected"], narration["text"])
    predicted = []
    for attribute in output["attributes"]:
        span = to_gold(attribute["start"], attribute["end"])
        if span:
            predicted.append((kind_of(attribute["kind"]), *span, bool(attribute["negated"])))
    for kind, *_ in predicted:
        total.kinds[kind].predicted += 1
    used: set[int] = set()
    for expected in narration["attributes"]:
        kind = kind_of(expected["kind"])
        total.kinds[kind].gold += 1
        best, best_index = 0.0, -1
        for index, (other, start, end, _) in enumerate(predicted):
            overlap = _overlap(expected["start"], expected["end"], start, end)
            if index not in used and other == kind and overlap > best:
                best, best_index = overlap, index
        if best < MIN_OVERLAP:
            continue
        used.add(best_index)
        total.kinds[kind].matched += 1
        negated = predicted[best_index][3]
        if expected["negated"] or negated:
            total.negation_judged += 1
            total.negation_right += expected["negated"] == negated


def _overlap(start: int, end: int, other_start: int, other_end: int) -> float:
    """Return the intersection over union of two spans."""
    shared = min(end, other_end) - max(start, other_start)
    return max(0, shared) / (max(end, other_end) - min(start, other_start))


def _span_mapper(source: str, target: str) -> Callable[[int, int], tuple[int, int] | None]:
    """Return a function that maps spans of `source` to spans of `target`."""
    matcher = difflib.SequenceMatcher(None, source.lower(), target.lower(), autojunk=False)
    positions = {a + i: b + i for a, b, n in matcher.get_matching_blocks() for i in range(n)}

    def to_target(start: int, end: int) -> tuple[int, int] | None:
        mapped = [positions[i] for i in range(start, end) if i in positions]
        return (min(mapped), max(mapped) + 1) if mapped else None

    return to_target


def _values(expected: Iterable[str], predicted: Sequence[str]) -> Counts:
    """Match the values of a title's field by their words."""
    unused = [set(words(value)) for value in predicted]
    counts = Counts(0, len(unused), 0)
    for value in expected:
        counts.gold += 1
        own = set(words(value))
        for other in unused:
            shared = len(own & other)
            if shared and shared / min(len(own), len(other)) >= _SHARED_WORDS:
                counts.matched += 1
                unused.remove(other)
                break
    return counts
