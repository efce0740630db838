"""Print every figure that the documents give for the text processing.

    python -m benchmarks.language                          all sections
    python -m benchmarks.language attributes titles        some of them
    python -m benchmarks.language --gold DIR               another gold folder
    python -m benchmarks.language harm --prose FILE        other correct prose

Sections: ontology, attributes, correction, harm (on the prose in $OPHVL_TEST_DATA), titles, verdicts (of the
real title lists there), speech, silence, speed. The gold data of this folder is always used; `--gold` adds
another folder, by default `gold` in $OPHVL_TEST_DATA if that is set.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.language import (
    attributes,
    correction,
    harm,
    ontology,
    silence,
    speed,
    spoken,
    titles,
)

OWN_GOLD = Path(__file__).with_name("gold")
BUILD = Path(__file__).parents[2] / "build" / "language"


def main(arguments: Sequence[str]) -> int:
    """Run the chosen sections and print their lines."""
    parser = argparse.ArgumentParser(prog="benchmarks.language", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION")
    parser.add_argument("--gold", type=Path, action="append", default=[])
    parser.add_argument("--prose", type=Path, action="append", default=[])
    chosen = parser.parse_args(arguments)
    data = os.environ.get("OPHVL_TEST_DATA")
    golds = [OWN_GOLD, *(chosen.gold or ([Path(data) / "gold"] if data else []))]
    prose = chosen.prose or (sorted((Path(data) / "prose").glob("*.jsonl")) if data else [])
    sections = _sections(golds, prose, Path(data) if data else None)
    unknown = set(chosen.sections) - set(sections)
    if unknown:
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(sections)}")
    for name in chosen.sections or sections:
        print(f"\n## {name}", flush=True)
        for line in sections[name]():
            print(line, flush=True)
    return 0


def _sections(
    golds: Sequence[Path], prose: Sequence[Path], data: Path | None
) -> dict[str, Callable[[], Iterator[str]]]:
    """Return for each section a function that yields its lines, for one gold folder after the other."""

    def each(measure: Callable[[Path], Iterator[str]], file: str) -> Callable[[], Iterator[str]]:
        def lines() -> Iterator[str]:
            for gold in golds:
                if (gold / file).is_file():
                    yield f"gold: {_name(gold)}"
                    yield from measure(gold)

        return lines

    return {
        "ontology": ontology.measure,
        "attributes": each(attributes.measure, "narrations.jsonl"),
        "correction": each(correction.measure, "narrations.jsonl"),
        "harm": lambda: harm.measure(prose),
        "titles": each(titles.measure, "titles.jsonl"),
        "verdicts": lambda: titles.verdicts((data or Path()) / "transcripts"),
        "speech": each(lambda gold: spoken.measure(gold, BUILD), "scripts.jsonl"),
        "silence": lambda: silence.measure(BUILD),
        "speed": speed.measure,
    }


def _name(gold: Path) -> str:
    return "benchmarks/language/gold" if gold == OWN_GOLD else str(gold)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
