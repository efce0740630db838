"""Count the contents of the ontology."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ophvl.ontology import load
from schemas.vocab import Kind


def measure() -> Iterator[str]:
    """Yield the numbers of concepts, surface forms (listed and derived by rule) and codes, by kind."""
    concepts = list(load().concepts.values())
    yield f"{'kind':<15}{'concepts':>9}{'two forms':>11}{'listed':>8}{'by rule':>9}{'ICD-10-CM':>11}"
    of_kind: dict[str, Counter[str]] = {kind: Counter() for kind in [*Kind, "all"]}
    for concept in concepts:
        listed = 1 + len(concept.synonyms) + len(concept.abbreviations)
        for name in (concept.kind, "all"):
            of_kind[name].update(
                concepts=1,
                several=listed > 1,
                listed=listed,
                forms=len(concept.forms()) + len(concept.abbreviations),
                coded=concept.icd10cm is not None,
            )
    for kind, n in of_kind.items():
        yield (
            f"{kind:<15}{n['concepts']:>9}{n['several'] / max(1, n['concepts']):>11.1%}"
            f"{n['listed']:>8}{n['forms']:>9}{n['coded']:>11}"
        )
