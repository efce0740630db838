"""Filters for people and scripts, JSON Lines in and out: `ophvl annotate`, `ophvl title`.

One text at a time, without a dataset folder. `annotate` corrects, scores and tags as stages segment and
tag do, but leaves hesitations where they are; `title` sees no chapters and no narrations. A line at fault
is named on standard error and left out; the exit code is then 3.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from ophvl.errors import UsageError
from ophvl.faults import remedy

FAULTY_LINES = 3
_STANDARD_INPUT = Path("-")

File = Annotated[
    Path, typer.Argument(metavar="[FILE]", help="JSON Lines; standard input if left out or '-'.")
]


class _LineError(Exception):
    """What is wrong with a line."""


def annotate(file: File = _STANDARD_INPUT) -> None:
    """Correct and tag narrations: {"id", "text"} a line in, one annotated object a line out."""
    from ophvl.text.concepts.assertion import Assertion
    from ophvl.text.concepts.tagging import Tagger
    from ophvl.text.correction.corrector import Corrector
    from ophvl.text.edits import apply
    from ophvl.text.narration.descriptive import descriptive_score
    from ophvl.unicode import normalise_markup
    from pipelines.stages.pair import PairConfig
    from pipelines.stages.segment import SegmentConfig
    from pipelines.wiring import corrector as open_corrector
    from pipelines.wiring import tagger as open_tagger
    from schemas.columns import as_dict

    corrector: Corrector = open_corrector(SegmentConfig(), Path())
    tagger: Tagger = open_tagger(None, Path())
    least = PairConfig().min_descriptive_score

    def read(row: Mapping[str, object]) -> dict[str, object]:
        text = normalise_markup(_text(row, "text"))  # It may come from a page.
        edits = corrector.edits(text)
        corrected = apply(text, edits)
        attributes = tagger.tag(corrected)
        score = descriptive_score(corrected, attributes)
        return {
            "id": row.get("id"),
            "text": text,
            "corrected": corrected,
            "edits": [as_dict(edit) for edit in edits],
            "descriptive": score >= least,
            "descriptive_score": round(score, 4),
            "attributes": [
                {
                    "kind": a.kind,
                    "surface": a.surface,
                    "start": a.start,
                    "end": a.end,
                    "label": a.label,
                    "concept_id": a.concept_id,
                    "linked": list(a.linked),
                    "negated": a.assertion is Assertion.NEGATED,
                    "hypothetical": a.assertion is Assertion.HYPOTHETICAL,
                    "score": round(a.score, 4),
                }
                for a in attributes
            ],
        }

    _filter(file, read)


def title(file: File = _STANDARD_INPUT) -> None:
    """Structure titles: {"id", "raw_title", "description", "channel"} a line in, fields out."""
    from ophvl.text.titles.structure import structure_title
    from ophvl.unicode import DESCRIPTION_CHARACTERS, TITLE_CHARACTERS, normalise_markup
    from pipelines.wiring import matcher as open_matcher
    from schemas.vocab import Surgical

    matcher = open_matcher(None, Path())
    verdicts = {Surgical.YES: True, Surgical.NO: False, Surgical.UNKNOWN: None}

    def read(row: Mapping[str, object]) -> dict[str, object]:
        raw = normalise_markup(_text(row, "raw_title"), TITLE_CHARACTERS)
        description = _text(row, "description", optional=True)
        described = normalise_markup(description, DESCRIPTION_CHARACTERS)
        structured = structure_title(raw, described, matcher)
        return {
            "id": row.get("id"),
            "is_surgical": verdicts[structured.is_surgical],
            "title": structured.title,
            "surgery": list(structured.surgery),
            "condition": list(structured.condition),
            "technique": list(structured.technique),
            "device": list(structured.device),
            "eye": structured.eye,
        }

    _filter(file, read)


def _filter(file: Path, read: Callable[[Mapping[str, object]], dict[str, object]]) -> None:
    faulty = 0
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A lone surrogate is no UTF-8; its backslash escape is what JSON writes for it.
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    for number, line in enumerate(_lines(file), start=1):
        if not line.strip():
            continue
        try:
            result = read(_parse(line))
        except _LineError as err:
            faulty += 1
            sys.stderr.write(f"{file}:{number}: {err}; this line is left out\n")
            continue
        _write(json.dumps(result, ensure_ascii=False) + "\n")
    if faulty:
        raise typer.Exit(FAULTY_LINES)


def _lines(file: Path) -> Iterator[bytes]:
    """Yield the lines of a file or of standard input.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        with nullcontext(sys.stdin.buffer) if file == _STANDARD_INPUT else file.open("rb") as lines:
            yield from lines
    except OSError as err:
        raise UsageError(f"cannot read {file}: {remedy(err)}") from err


def _write(line: str) -> None:
    try:
        sys.stdout.write(line)
        sys.stdout.flush()  # A reader at the other end of a pipe gets each line at once.
    except BrokenPipeError:
        raise  # The reader closed the pipe; the command ends without a message.
    except OSError as err:
        # The unwritten rest is in the buffer, and must not fail again when Python flushes it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise UsageError(f"cannot write the output: {remedy(err)}") from err


def _parse(line: bytes) -> Mapping[str, object]:
    try:
        text = line.decode("utf-8-sig")  # Some editors write a byte order mark.
        row = json.loads(text)
    except UnicodeDecodeError as err:
        raise _LineError(f"not UTF-8 (byte 0x{err.object[err.start]:02x})") from err
    except ValueError as err:
        raise _LineError(f"not JSON ({err})") from err
    except RecursionError as err:
        raise _LineError("nested too deeply") from err
    if not isinstance(row, dict):
        raise _LineError(f'expected an object such as {{"id": 1, "text": "..."}}, got {text[:40]}')
    return row


def _text(row: Mapping[str, object], key: str, *, optional: bool = False) -> str:
    value = row.get(key)
    if value is None and optional:
        return ""
    if not isinstance(value, str):
        raise _LineError(f"'{key}' must be a text, got {json.dumps(value)[:40]}")
    return value
