"""What the packaged ontology holds: how much of each kind, how many ways of saying it, whose class names."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ophvl.ontology import Concept, Ontology, load
from ophvl.ontology.forms import fold_term
from ophvl.text.concepts.matching import Matcher
from schemas.vocab import Kind

LEAST = {
    (Kind.SURGERY, Kind.PHASE, Kind.OPERATION): 500,
    (Kind.INSTRUMENT,): 300,
    (Kind.MEDICATION,): 250,
    (Kind.ANATOMY,): 200,
    (Kind.ACTION,): 150,
    (Kind.OBJECTIVE,): 60,
    (Kind.POSTOP_CARE,): 60,
}

NO_CONCEPTS = frozenset(
    {"not_initialized", "Idle", "idle", "rest", "Non-functional Segment", "Step Interval"}
    | {"Invalid Segment (Non-surgical Operation Segment)"}
)
TOO_COMMON = frozenset({"Gauge", "Hand", "Implantation"})
"""Class names that also mean much else: "27-gauge needle", "on the other hand", "valve implantation"."""


@pytest.fixture(scope="module")
def ontology() -> Ontology:
    return load()


@pytest.fixture(scope="module")
def annotations() -> Path:
    folder = os.environ.get("OPHVL_TEST_DATA")
    if not folder:
        pytest.skip(
            "OPHVL_TEST_DATA is not set: it names the folder with the benchmarks' class names"
        )
    return Path(folder) / "annotations"


def listed(concept: Concept) -> tuple[str, ...]:
    return (concept.label, *concept.synonyms, *concept.abbreviations)


def strings(node: object) -> Iterator[str]:
    """The members of all lists inside a JSON value: class names, where keys and single texts are notes."""
    if isinstance(node, dict):
        for value in node.values():
            yield from strings(value)
    elif isinstance(node, list):
        yield from (item for item in node if isinstance(item, str))


def class_names(annotations: Path) -> list[str]:
    path = annotations / "benchmark_class_names.json"
    names = dict.fromkeys(strings(json.loads(path.read_text(encoding="utf-8"))))
    return [name for name in names if name not in NO_CONCEPTS | TOO_COMMON]


def test_there_are_three_thousand_concepts(ontology):
    assert len(ontology.concepts) >= 3000


@pytest.mark.parametrize(("kinds", "least"), LEAST.items(), ids=lambda value: str(value))
def test_each_kind_is_large_enough(ontology, kinds, least):
    count = Counter(concept.kind for concept in ontology.concepts.values())
    assert sum(count[kind] for kind in kinds) >= least


def test_six_in_ten_concepts_have_two_forms_or_more(ontology):
    several = sum(len(listed(concept)) >= 2 for concept in ontology.concepts.values())
    assert several >= 0.6 * len(ontology.concepts)


def test_a_preferred_term_names_one_concept_of_its_kind(ontology):
    labels = Counter((c.kind, fold_term(c.label)) for c in ontology.concepts.values())
    assert [label for label, count in labels.items() if count > 1] == []


def test_parents_exist_and_are_of_the_same_kind(ontology):
    wrong = [
        concept.concept_id
        for concept in ontology.concepts.values()
        if concept.parent is not None
        and (
            concept.parent not in ontology.concepts
            or ontology.concepts[concept.parent].kind is not concept.kind
        )
    ]
    assert wrong == []


def test_a_word_of_two_concepts_is_decided_in_every_text(ontology):
    owners: dict[str, set[str]] = {}
    for concept in ontology.concepts.values():
        for form in concept.forms() | set(concept.abbreviations):
            owners.setdefault(form, set()).add(concept.concept_id)
    undecided = [
        form
        for form, concept_ids in owners.items()
        if len(concept_ids) > 1
        and not any(r.is_default() for r in ontology.rules_for(form, concept_ids))
    ]
    assert undecided == []


def test_no_laterality_or_encounter_is_counted_as_a_concept(ontology):
    sides = ("right eye", "left eye", "both eyes", "bilateral", "initial encounter", "sequela")
    split = [
        concept.concept_id
        for concept in ontology.concepts.values()
        if concept.label.endswith(sides)
    ]
    assert split == []


def test_class_names_of_the_benchmarks_are_known(annotations, matcher: Matcher):
    unknown = [name for name in class_names(annotations) if not matcher.find(name)]
    assert unknown == []


def test_class_names_are_known_as_a_whole_with_few_exceptions(annotations, matcher: Matcher):
    names = class_names(annotations)
    whole = [n for n in names if any(match.surface == n for match in matcher.find(n))]
    assert len(whole) >= 0.95 * len(names)


@pytest.mark.parametrize("level", ["surgery", "phase", "operation"])
def test_ophnet_labels_are_known(annotations, matcher: Matcher, level):
    path = annotations / "ophnet/ophnet_labels.json"
    labels = json.loads(path.read_text(encoding="utf-8"))[level].values()
    unknown = [n for n in labels if n not in NO_CONCEPTS and not matcher.find(n)]
    assert unknown == []
