"""Structured titles against gold, through the real `ophvl title`; verdicts over lists of real titles."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.language.attributes import run_filter
from benchmarks.language.gold import TITLE_FIELDS, Row, kept_noise, read_rows, score_titles

_COLUMNS = ("id", "raw_title", "description", "channel")
_VERDICTS: Mapping[bool | None, str] = {True: "yes", None: "unknown", False: "no"}


def measure(gold: Path) -> Iterator[str]:
    """Lines of the report for one gold folder, with every title that is read otherwise than in gold."""
    titles = read_rows(gold / "titles.jsonl")
    said = run_filter("title", ({name: title[name] for name in _COLUMNS} for title in titles))
    for name, counts in score_titles(titles, said).items():
        if name in TITLE_FIELDS:
            yield (
                f"{name:<12} F1 {counts.f1:.3f} (precision {counts.precision:.3f}, recall "
                f"{counts.recall:.3f}, gold {counts.gold})"
            )
        else:
            yield f"{name:<12} right {counts.found} of {counts.gold} = {counts.recall:.3f}"
    kept = kept_noise(titles, said)
    yield f"noise kept   {len(kept)}" + "".join(f"; '{noise}' in '{text}'" for noise, text in kept)
    for title in titles:
        yield from _otherwise(title, said[title["id"]])


def verdicts(folder: Path) -> Iterator[str]:
    """The surgical rate and every verdict over the real title lists that lie in `folder`."""
    for path in (folder / "medvidcl_eye_titles.json", folder / "cybersight_video_titles.tsv"):
        if not path.is_file():
            yield f"{path.name}: not there, left out"
            continue
        rows = [{"id": str(i), "raw_title": t} for i, t in enumerate(_listed(path))]
        said = run_filter("title", rows)
        counts = Counter(_VERDICTS[found["is_surgical"]] for found in said.values())
        rates = ", ".join(f"{name} {counts[name]}" for name in _VERDICTS.values())
        yield f"{path.name}: {len(rows)} titles; {rates}; surgical {counts['yes'] / len(rows):.3f}"
        for verdict, name in _VERDICTS.items():
            for row in rows:
                found = said[row["id"]]
                if found["is_surgical"] is verdict:
                    yield f"  {name:<8}{row['raw_title']}" + _arrow(found["title"])


def _listed(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return [row["video_title"] for row in json.loads(text)]
    return [row["title"] for row in csv.DictReader(text.splitlines(), delimiter="\t")]


def _arrow(title: str | None) -> str:
    return f" -> {title}" if title else ""


def _otherwise(title: Row, found: Row) -> Iterator[str]:
    """What is read otherwise than in gold; equal words count as equal, as far as this list goes."""
    expected = title["expected"]
    if bool(found["is_surgical"]) != expected["is_surgical"]:
        yield f"  {title['id']} is_surgical {found['is_surgical']}: {title['raw_title']}"
    if not expected["is_surgical"]:
        return
    if found["eye"] != expected["eye"]:
        yield f"  {title['id']} eye {found['eye']}, gold {expected['eye']}: {title['raw_title']}"
    for name in TITLE_FIELDS:
        missed = _without(expected[name], found[name])
        added = _without(found[name], expected[name])
        if missed or added:
            yield f"  {title['id']} {name} missed {missed} added {added}: {title['raw_title']}"


def _without(values: Sequence[str], others: Sequence[str]) -> list[str]:
    held = [set(other.split()) for other in others]
    return [v for v in values if not any(h <= set(v.split()) or set(v.split()) <= h for h in held)]
