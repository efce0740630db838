"""Time the tagger (terms, phrases, assertions) and spaCy's PhraseMatcher with the same terms.

    python -m benchmarks.language.speed              both, each in a process of its own
    python -m benchmarks.language.speed ophvl        one of them, as JSON: seconds, words, MiB

PhraseMatcher(attr="LOWER") on spaCy's blank English finds terms only: no phrases, no negation, no choice
between meanings. It is the usual alternative. Building is timed separately; memory is the process's peak.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from ophvl.ontology import Concept, load
from schemas.vocab import Kind

WORDS = 1_000_000
_SEED = 7
_TEMPLATES = (
    "Now I {action} the {anatomy} with the {instrument}, slowly and without haste.",
    "The {instrument} goes in through the {anatomy} and we {action} it under {medication}.",
    "We use {medication} to {action} the {anatomy} so that it does not move.",
    "No {complication} was seen, and the {anatomy} looks quiet at the end of the {surgery}.",
    "After {phase} comes {operation}, as you can see here on the left of the screen.",
    "This patient has {disease} due to an old injury, so we plan a {surgery} today.",
    "If there is {complication}, stop, do not pull, and inject {medication} behind the {anatomy}.",
    "The patient wears a shield at night for one week and takes drops four times a day.",
    "So what we do next is quite simple, and it takes a minute or two when all is well.",
    "You have to be patient here, because this is the part that people find difficult at first.",
)
_RUNS = ("ophvl", "spacy")


def measure() -> Iterator[str]:
    """Yield words per second and peak memory of both, and the ratio of their times."""
    runs = {name: _in_own_process(name) for name in _RUNS}
    for name, run in runs.items():
        yield (
            f"{name:<6} {run['words'] / run['run_s']:>10,.0f} words/s  {run['run_s']:6.1f} s for "
            f"{run['words']:,.0f} words, {run['matches']:,.0f} matches; built in {run['build_s']:.1f} s; "
            f"peak {run['peak_mib']:.0f} MiB"
        )
    ours, theirs = runs["ophvl"], runs["spacy"]
    yield f"ophvl / spacy: {theirs['run_s'] / ours['run_s']:.2f} times as fast"


def _in_own_process(name: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.language.speed", name]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    numbers: dict[str, float] = json.loads(result.stdout)
    return numbers


def _narrations(concepts: Sequence[Concept]) -> list[str]:
    """Generate narrations of five sentences from templates and the ontology's terms, reproducibly."""
    rng = random.Random(_SEED)
    terms = {
        str(kind): [t for c in concepts if c.kind is kind for t in (c.label, *c.synonyms)]
        for kind in Kind
    }
    texts, words = [], 0
    while words < WORDS:
        sentences = [
            rng.choice(_TEMPLATES).format_map({k: rng.choice(of) for k, of in terms.items()})
            for _ in range(5)
        ]
        texts.append(" ".join(sentences))
        words += len(texts[-1].split())
    return texts


def _tagger(concepts: Sequence[Concept]) -> Callable[[str], int]:
    from ophvl.text.concepts.matching import Matcher
    from ophvl.text.concepts.tagging import Tagger

    tagger = Tagger(Matcher(load()))
    tagger.tag("Now the automaton is built.")
    return lambda text: len(tagger.tag(text))


def _phrase_matcher(concepts: Sequence[Concept]) -> Callable[[str], int]:
    import spacy
    from spacy.matcher import PhraseMatcher

    nlp = spacy.blank("en")
    matcher = PhraseMatcher(nlp.vocab, attr="LOWER")
    for concept in concepts:
        forms = sorted({*concept.forms(), concept.label, *concept.synonyms, *concept.abbreviations})
        matcher.add(concept.concept_id, [nlp.make_doc(form) for form in forms])
    return lambda text: len(matcher(nlp.make_doc(text)))


def main(name: str) -> None:
    """Time one of the two and print its numbers as JSON."""
    concepts = list(load().concepts.values())
    texts = _narrations(concepts)
    started = time.perf_counter()
    find = {"ophvl": _tagger, "spacy": _phrase_matcher}[name](concepts)
    built = time.perf_counter()
    matches = sum(find(text) for text in texts)
    end = time.perf_counter()
    numbers = {
        "words": sum(len(text.split()) for text in texts),
        "matches": matches,
        "build_s": built - started,
        "run_s": end - built,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(numbers))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1])
    else:
        for line in measure():
            print(line)
