"""Gold data, and the rules by which attributes, corrections and titles are scored against it.

In: a gold folder (`narrations.jsonl`, `titles.jsonl`, `scripts.jsonl`; its README states the annotation
rules) and what `ophvl annotate` or `ophvl title` print for it. Out: counts. The rules:

- Kinds are grouped: phase, operation and action are `step`; disease, disease_cause and complication are
  `condition`. Core are surgery, instrument, medication, anatomy and condition.
- A gold attribute is found by a prediction of its group whose span overlaps its own with an
  intersection over union of at least 0.4, each prediction used once, gold in order, best overlap first.
- Spans over a corrected text are carried to the gold text by aligned blocks of equal characters.
- Negation is judged where gold or prediction of a found pair is negated.
- A term counts as destroyed where its words no longer stand in the misheard text, and as restored where
  they stand in the corrected one.
- A title's value is found by one that shares all words of the shorter of the two.
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
"""One line of a gold file or of a filter's output, as JSON gives it."""

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
    """The group that a kind is scored in."""
    return GROUPS.get(kind, kind)


def kind_itself(kind: str) -> str:
    """For scores of each kind by itself."""
    return kind


@dataclass
class Counts:
    """Found, predicted and gold items; the usual shares of them."""

    found: int = 0
    predicted: int = 0
    gold: int = 0

    @property
    def precision(self) -> float:
        return self.found / max(1, self.predicted)

    @property
    def recall(self) -> float:
        return self.found / max(1, self.gold)

    @property
    def f1(self) -> float:
        return 2 * self.found / max(1, self.predicted + self.gold)

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.found + other.found, self.predicted + other.predicted, self.gold + other.gold
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
        return sum(self.kinds.values(), Counts())

    @property
    def core(self) -> Counts:
        return sum((c for kind, c in self.kinds.items() if kind in CORE), Counts())

    @property
    def negation(self) -> float:
        return self.negation_right / max(1, self.negation_judged)

    @property
    def descriptive(self) -> float:
        return self.descriptive_right / max(1, self.narrations)


def read_rows(path: Path) -> list[Row]:
    """The objects of a JSON Lines file."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def score_tagging(
    gold: Sequence[Row], said: Mapping[str, Row], kind_of: Callable[[str], str] = group_of
) -> Tagging:
    """Score what `ophvl annotate` printed, by id of the narration."""
    total = Tagging()
    for narration in gold:
        found = said[narration["id"]]
        total.narrations += 1
        total.descriptive_right += found["descriptive"] == narration["descriptive"]
        _score_narration(narration, found, kind_of, total)
    return total


def destroyed_terms(narration: Row) -> list[str]:
    """The words of core and step terms that mishearing destroyed."""
    heard = " ".join(words(narration["asr_text"]))
    terms = [
        " ".join(words(a["surface"]))
        for a in narration["attributes"]
        if group_of(a["kind"]) in CORE | {"step"}
    ]
    return [term for term in terms if term not in heard]


def score_titles(gold: Sequence[Row], said: Mapping[str, Row]) -> dict[str, Counts]:
    """Counts by field of surgical titles; `is_surgical` and `eye` as right answers among all."""
    total = {name: Counts() for name in ("is_surgical", *TITLE_FIELDS, "eye")}
    for title in gold:
        expected, found = title["expected"], said[title["id"]]
        right = bool(found["is_surgical"]) == expected["is_surgical"]
        total["is_surgical"] += Counts(right, 1, 1)
        if not expected["is_surgical"]:
            continue
        for name in TITLE_FIELDS:
            total[name] += _values(expected[name], found[name] or [])
        total["eye"] += Counts(found["eye"] == expected["eye"], 1, 1)
    return total


def kept_noise(gold: Sequence[Row], said: Mapping[str, Row]) -> list[tuple[str, str]]:
    """Noise of surgical titles that stands in their structured titles: noise and title."""
    return [
        (noise, said[title["id"]]["title"])
        for title in gold
        if title["expected"]["is_surgical"]
        for noise in title["expected"]["noise"]
        if noise.strip() and noise.strip().lower() in (said[title["id"]]["title"] or "").lower()
    ]


def words(text: str) -> list[str]:
    """Latin letters and digits, in lower case, word by word."""
    return re.findall(r"[a-z0-9]+", text.lower())


def _score_narration(
    narration: Row, found: Row, kind_of: Callable[[str], str], total: Tagging
) -> None:
    place = _carrier(found["corrected"], narration["text"])
    predicted = []
    for attribute in found["attributes"]:
        span = place(attribute["start"], attribute["end"])
        if span:
            predicted.append((kind_of(attribute["kind"]), *span, bool(attribute["negated"])))
    for kind, *_ in predicted:
        total.kinds[kind].predicted += 1
    used: set[int] = set()
    for wanted in narration["attributes"]:
        kind = kind_of(wanted["kind"])
        total.kinds[kind].gold += 1
        best, which = 0.0, -1
        for number, (other, start, end, _) in enumerate(predicted):
            overlap = _overlap(wanted["start"], wanted["end"], start, end)
            if number not in used and other == kind and overlap > best:
                best, which = overlap, number
        if best < MIN_OVERLAP:
            continue
        used.add(which)
        total.kinds[kind].found += 1
        denied = predicted[which][3]
        if wanted["negated"] or denied:
            total.negation_judged += 1
            total.negation_right += wanted["negated"] == denied


def _overlap(start: int, end: int, other_start: int, other_end: int) -> float:
    """Intersection over union of two spans."""
    shared = min(end, other_end) - max(start, other_start)
    return max(0, shared) / (max(end, other_end) - min(start, other_start))


def _carrier(source: str, target: str) -> Callable[[int, int], tuple[int, int] | None]:
    """A function that carries spans of `source` to `target`."""
    matcher = difflib.SequenceMatcher(None, source.lower(), target.lower(), autojunk=False)
    places = {a + i: b + i for a, b, n in matcher.get_matching_blocks() for i in range(n)}

    def carry(start: int, end: int) -> tuple[int, int] | None:
        held = [places[i] for i in range(start, end) if i in places]
        return (min(held), max(held) + 1) if held else None

    return carry


def _values(expected: Iterable[str], found: Sequence[str]) -> Counts:
    left = [set(words(value)) for value in found]
    counts = Counts(0, len(left), 0)
    for value in expected:
        counts.gold += 1
        wanted = set(words(value))
        for other in left:
            shared = len(wanted & other)
            if shared and shared / min(len(wanted), len(other)) >= _SHARED_WORDS:
                counts.found += 1
                left.remove(other)
                break
    return counts
