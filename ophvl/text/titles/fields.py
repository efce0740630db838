"""What the concepts of a title say of a video: procedures, techniques, devices, conditions.

In: titles and descriptions with their concepts. Out: values for the fields of a structured title, each
with the words it rests on. A concept's kind gives its field; `title_fields.tsv` lists what differs:

- mode `as`: the concept, or one below it, fills another field or is told by another value ("C3F8" by
  "perfluoropropane tamponade", "macular hole surgery" by "pars plana vitrectomy"); field "-": the concept
  itself fills none, those below it do ("forceps" says nothing, "capsulorhexis forceps" does);
- mode `also`: it says that value besides its own ("phaco chop" is done in a phacoemulsification).

Neither holds where one of the concepts of the last column, or one below them, is named as well. For each
field the nearest concept that has a rule speaks, from the concept itself up to its ancestors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ophvl.errors import ConfigError
from ophvl.ontology import Concept, Ontology
from ophvl.text.concepts.matching import Match
from schemas.titles import Evidence
from schemas.vocab import Kind

RULES = Path(__file__).with_name("fields.tsv")
_COLUMNS = ("concept_id", "mode", "field", "value", "unless")

FIELDS = ("surgery", "condition", "technique", "device")
_NO_FIELD = "-"
_FIELD_OF_KIND: Mapping[Kind, str] = {
    Kind.SURGERY: "surgery",
    Kind.DISEASE: "condition",
    Kind.COMPLICATION: "condition",
    Kind.PHASE: "technique",
    Kind.OPERATION: "technique",
    Kind.INSTRUMENT: "device",
}
_STEPS = frozenset({Kind.PHASE, Kind.OPERATION})
_CONDITIONS = frozenset({Kind.DISEASE, Kind.COMPLICATION})
_LENS_IMPLANTATION = "surgery:intraocular_lens_implantation"
_VITRECTOMY = "surgery:vitrectomy"
_REFRACTIVE = ("surgery:refractive_surgery", "instrument:implantable_collamer_lens")
_MYOPIA, _HYPEROPIA = "disease:myopia", "disease:hyperopia"

_GAUGE = re.compile(r"\b(20|23|25|27)\s?-?(?:g|ga|gauge)\b", re.IGNORECASE)
_POWER = re.compile(
    r"(?<![\w.])([+\u2212\u2013-])\s?\d+(?:[.,]\d\d(?!\d)|(?:[.,]\d+)?\s?(?:D|dpt|dioptres?|diopters?)\b)"
)


@dataclass(frozen=True, kw_only=True)
class Text:
    """A published text and the concepts that it affirms."""

    column: str
    text: str
    matches: Sequence[Match]


@dataclass(frozen=True, kw_only=True)
class FieldRule:
    """One line of `title_fields.tsv`."""

    concept_id: str
    mode: str
    field: str
    value: str
    unless: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Value:
    """A field's value with the concept behind it, if one is."""

    evidence: Evidence
    concept_id: str | None


def read_fields(texts: Sequence[Text], ontology: Ontology) -> list[Evidence]:
    """The values of all fields in the order of the texts, without repeats and without families.

    A family goes where one of its members stands beside it: "cataract" beside "brunescent cataract".
    """
    named = {
        ancestor
        for text in texts
        for match in _meant(text.matches)
        for ancestor in _lineage(ontology, match.concept_id)
    }
    values = [value for text in texts for value in _told(text, ontology, named)]
    values += [value for text in texts for value in _measured(text, ontology, named)]
    for text in texts:
        for match in _meant(text.matches):
            for value in _implied(match, text.column, ontology, named):
                values.append(value)
                named.update(_lineage(ontology, value.concept_id))
    return _without_families(values, ontology)


def _told(text: Text, ontology: Ontology, named: set[str]) -> Iterator[_Value]:
    """What the concepts of a text say by themselves."""
    for match in _meant(text.matches):
        rule = next(_rules_for(match.concept_id, "as", ontology), None)
        field = rule.field if rule else _FIELD_OF_KIND.get(match.kind, _NO_FIELD)
        if field == _NO_FIELD or (rule and not named.isdisjoint(rule.unless)):
            continue
        own = (match.label, match.concept_id)
        label, concept_id = _valued(rule, match.label, ontology) if rule and rule.value else own
        yield _value(field, label, text.column, match.surface, concept_id)


def _meant(matches: Sequence[Match]) -> Iterator[Match]:
    """Matches that say something by themselves: not the parts of a longer name.

    A condition is told whole ("hemorrhage" in "vitreous hemorrhage", "silicone oil" in "silicone oil
    glaucoma"). A procedure's head is no step of its own ("YAG capsulotomy" opens no anterior capsule), nor
    is a single word in it; a variant before the head is ("big-bubble DALK").
    """
    reaching: list[Match] = []  # those before, in the order of their starts, that may hold the next
    for match in sorted(matches, key=lambda m: (m.start, -m.end)):
        reaching = [m for m in reaching if m.end > match.start]
        longer = [
            m for m in reaching if match.end <= m.end and m.end - m.start > len(match.surface)
        ]
        reaching.append(match)
        kinds = {m.kind for m in longer}
        if not kinds.isdisjoint(_CONDITIONS):
            continue
        heads = any(m.end == match.end for m in longer)
        one_word = " " not in match.label.replace("-", " ")
        if match.kind in _STEPS and longer and (heads or one_word):
            continue
        yield match


def _implied(match: Match, column: str, ontology: Ontology, named: set[str]) -> Iterator[_Value]:
    """What the concept says besides its own value; its family speaks for the fields it leaves out."""
    speakers: dict[str, str] = {}
    for rule in _rules_for(match.concept_id, "also", ontology):
        speaker = speakers.setdefault(rule.field, rule.concept_id)
        if speaker == rule.concept_id and named.isdisjoint(rule.unless):
            label, concept_id = _valued(rule, match.label, ontology)
            yield _value(rule.field, label, column, match.surface, concept_id)


def _measured(text: Text, ontology: Ontology, named: set[str]) -> Iterator[_Value]:
    """What numbers say: "27G PPV" names a system, "SMILE -5.00 D" a myopia."""
    gauge = _GAUGE.search(text.text) if _VITRECTOMY in named else None
    if gauge:
        label = f"{gauge[1]}-gauge vitrectomy system"
        yield _value("device", label, text.column, gauge.group(), None)
    power = None if named.isdisjoint(_REFRACTIVE) else _POWER.search(text.text)
    if power:
        concept_id = _HYPEROPIA if power[1] == "+" else _MYOPIA
        label = ontology.concepts[concept_id].label
        yield _value("condition", label, text.column, power.group(), concept_id)


def _value(field: str, label: str, column: str, surface: str, concept_id: str | None) -> _Value:
    evidence = Evidence(field=field, value=label, text_column=column, surface=surface)
    return _Value(evidence, concept_id)


def _valued(rule: FieldRule, label: str, ontology: Ontology) -> tuple[str, str | None]:
    """The value of a rule: a concept's preferred term, or a pattern around the label."""
    if rule.value in ontology.concepts:
        return ontology.concepts[rule.value].label, rule.value
    return rule.value.format(label=label), None


def _rules_for(concept_id: str, mode: str, ontology: Ontology) -> Iterator[FieldRule]:
    rules = field_rules()
    for ancestor in _lineage(ontology, concept_id):
        for rule in rules.get(ancestor, ()):
            if rule.mode == mode and (rule.field != _NO_FIELD or ancestor == concept_id):
                yield rule


def _lineage(ontology: Ontology, concept_id: str | None) -> Iterator[str]:
    """A concept and its ancestors, the nearest first."""
    concept: Concept | None = ontology.concepts.get(concept_id or "")
    while concept:
        yield concept.concept_id
        concept = ontology.concepts.get(concept.parent or "")


def _without_families(values: Sequence[_Value], ontology: Ontology) -> list[Evidence]:
    unique: dict[tuple[str, str], _Value] = {}
    for value in values:
        unique.setdefault((value.evidence.field, value.evidence.value), value)
    above: dict[str, set[str]] = {field: set() for field in FIELDS}
    for value in unique.values():
        lineage = list(_lineage(ontology, value.concept_id))
        above[value.evidence.field].update(lineage[1:])
    kept = [v for v in unique.values() if v.concept_id not in above[v.evidence.field]]
    procedures = any(_is_procedure(v, ontology) for v in kept)
    return [
        v.evidence
        for v in kept
        if not (procedures and _is_field_of_work(v, ontology))
        and not _is_shortened(v.evidence, kept)
    ]


def _is_field_of_work(value: _Value, ontology: Ontology) -> bool:
    """Whether it names no procedure but a kind of them: "eyelid surgery", "pediatric cataract surgery"."""
    label = value.evidence.value
    concept = ontology.concepts.get(value.concept_id or "")
    if concept is None or not label.endswith(" surgery"):
        return False
    above = ontology.concepts.get(concept.parent or "")
    return bool(above and label.endswith(f" {above.label}")) or any(
        other.parent == concept.concept_id for other in ontology.concepts.values()
    )


def _is_procedure(value: _Value, ontology: Ontology) -> bool:
    """Whether it names a procedure. That a lens is implanted does not say how the other one is removed."""
    return (
        value.evidence.field == "surgery"
        and not _is_field_of_work(value, ontology)
        and _LENS_IMPLANTATION not in _lineage(ontology, value.concept_id)
    )


def _is_shortened(evidence: Evidence, values: Sequence[_Value]) -> bool:
    """Whether another value of the field holds all of its words and more."""
    words = set(evidence.value.split())
    others = (v.evidence.value for v in values if v.evidence.field == evidence.field)
    return any(words < set(other.split()) for other in others)


@cache
def field_rules() -> Mapping[str, tuple[FieldRule, ...]]:
    """The rules of `title_fields.tsv` by the concept that they are about.

    Raises:
        ConfigError: a line is at fault.
    """
    lines = RULES.read_text(encoding="utf-8").splitlines()
    if not lines or tuple(lines[0].split("\t")) != _COLUMNS:
        raise ConfigError(
            f"{RULES.name}:1: the first line must name the columns {', '.join(_COLUMNS)}"
        )
    rules: dict[str, list[FieldRule]] = {}
    for number, line in enumerate(lines[1:], start=2):
        cells = line.split("\t")
        if len(cells) != len(_COLUMNS) or cells[1] not in ("as", "also"):
            raise ConfigError(
                f"{RULES.name}:{number}: expected {len(_COLUMNS)} cells, mode as or also"
            )
        concept_id, mode, field, value, unless = cells
        if field not in (*FIELDS, _NO_FIELD):
            raise ConfigError(
                f"{RULES.name}:{number}: no field '{field}'; one of {', '.join(FIELDS)}"
            )
        rules.setdefault(concept_id, []).append(
            FieldRule(
                concept_id=concept_id,
                mode=mode,
                field=field,
                value=value,
                unless=tuple(filter(None, unless.split("|"))),
            )
        )
    return {concept_id: tuple(found) for concept_id, found in rules.items()}
