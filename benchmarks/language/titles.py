"""Score structured titles against gold, with the real `ophvl title`; list its verdicts over real titles."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.language.attributes import run_filter
from benchmarks.language.gold import TITLE_FIELDS, Row, read_rows, remaining_noise, score_titles

_COLUMNS = ("id", "raw_title", "description", "channel")
_VERDICTS: Mapping[bool | None, str] = {True: "yes", None: "unknown", False: "no"}


def measure(gold: Path) -> Iterator[str]:
    """Yield the lines of the report for one gold folder, with every title that differs from gold."""
    titles = read_rows(gold / "titles.jsonl")
    outputs = run_filter("title", ({name: title[name] for name in _COLUMNS} for title in titles))
    for name, counts in score_titles(titles, outputs).items():
        if name in TITLE_FIELDS:
            yield (
                f"{name:<12} F1 {counts.f1:.3f} (precision {counts.precision:.3f}, recall "
                f"{counts.recall:.3f}, gold {counts.gold})"
            )
        else:
            yield f"{name:<12} right {counts.matched} of {counts.gold} = {counts.recall:.3f}"
    noise = remaining_noise(titles, outputs)
    yield f"noise left   {len(noise)}" + "".join(f"; '{part}' in '{text}'" for part, text in noise)
    for title in titles:
        yield from _differences(title, outputs[title["id"]])


def verdicts(folder: Path) -> Iterator[str]:
    """Yield the surgical rate and every verdict over the lists of real titles in `folder`."""
    for path in (folder / "medvidcl_eye_titles.json", folder / "cybersight_video_titles.tsv"):
        if not path.is_file():
            yield f"{path.name}: missing, left out"
            continue
        rows = [{"id": str(i), "raw_title": t} for i, t in enumerate(_read_titles(path))]
        outputs = run_filter("title", rows)
        counts = Counter(_VERDICTS[output["is_surgical"]] for output in outputs.values())
        rates = ", ".join(f"{name} {counts[name]}" for name in _VERDICTS.values())
        yield f"{path.name}: {len(rows)} titles; {rates}; surgical {counts['yes'] / len(rows):.3f}"
        for verdict, name in _VERDICTS.items():
            for row in rows:
                output = outputs[row["id"]]
                if output["is_surgical"] is verdict:
                    yield f"  {name:<8}{row['raw_title']}" + _arrow(output["title"])


def _read_titles(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return [row["video_title"] for row in json.loads(text)]
    return [row["title"] for row in csv.DictReader(text.splitlines(), delimiter="\t")]


def _arrow(title: str | None) -> str:
    return f" -> {title}" if title else ""


def _differences(title: Row, output: Row) -> Iterator[str]:
    """Yield the differences to gold; values with the same words are equal."""
    expected = title["expected"]
    if bool(output["is_surgical"]) != expected["is_surgical"]:
        yield f"  {title['id']} is_surgical {output['is_surgical']}: {title['raw_title']}"
    if not expected["is_surgical"]:
        return
    if output["eye"] != expected["eye"]:
        yield f"  {title['id']} eye {output['eye']}, gold {expected['eye']}: {title['raw_title']}"
    for name in TITLE_FIELDS:
        missed = _without(expected[name], output[name])
        added = _without(output[name], expected[name])
        if missed or added:
            yield f"  {title['id']} {name} missed {missed} added {added}: {title['raw_title']}"


def _without(values: Sequence[str], others: Sequence[str]) -> list[str]:
    """Return the values that have no equal, more or less specific value among `others`, by their words."""
    sets = [set(other.split()) for other in others]
    return [v for v in values if not any(s <= set(v.split()) or set(v.split()) <= s for s in sets)]
