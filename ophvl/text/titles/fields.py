"""Derive the fields of a structured title from concepts: procedures, techniques, devices, conditions.

Each value comes with the words that it rests on. A concept's kind gives its field; `fields.tsv` lists what
differs:

- mode `as`: the concept, or one below it, fills another field or has another value ("C3F8" gives
  "perfluoropropane tamponade", "macular hole surgery" gives "pars plana vitrectomy"); field "-": the concept
  itself fills none, those below it do ("forceps" says nothing, "capsulorhexis forceps" does);
- mode `also`: it gives that value besides its own ("phaco chop" is done in a phacoemulsification).

Neither holds where one of the concepts of the last column, or one below them, is named as well. For each
field the nearest concept that has a rule decides, from the concept itself up to its ancestors.
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
from ophvl.text.words import with_blanks
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
class TaggedText:
    """A published text and the concepts that it states as present."""

    column: str
    text: str
    matches: Sequence[Match]


@dataclass(frozen=True, kw_only=True)
class FieldRule:
    """One line of `fields.tsv`."""

    concept_id: str
    mode: str
    field: str
    value: str
    unless: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Value:
    """Value of a field with its concept, if it has one."""

    evidence: Evidence
    concept_id: str | None


def read_fields(texts: Sequence[TaggedText], ontology: Ontology) -> list[Evidence]:
    """Return the values of all fields in the order of the texts, without repeats and without families.

    A family is left out where one of its members is named: "cataract" beside "brunescent cataract".
    """
    named_ids = {
        ancestor
        for text in texts
        for match in _own_mentions(text.matches)
        for ancestor in _lineage(ontology, match.concept_id)
    }
    values = [value for text in texts for value in _stated(text, ontology, named_ids)]
    values += [value for text in texts for value in _measured(text, ontology, named_ids)]
    for text in texts:
        for match in _own_mentions(text.matches):
            for value in _implied(match, text.column, ontology, named_ids):
                values.append(value)
                named_ids.update(_lineage(ontology, value.concept_id))
    return _without_families(values, ontology)


def _stated(text: TaggedText, ontology: Ontology, named_ids: set[str]) -> Iterator[_Value]:
    """Yield what the concepts of a text state by themselves."""
    for match in _own_mentions(text.matches):
        rule = next(_rules_for(match.concept_id, "as", ontology), None)
        field = rule.field if rule else _FIELD_OF_KIND.get(match.kind, _NO_FIELD)
        if field == _NO_FIELD or (rule and not named_ids.isdisjoint(rule.unless)):
            continue
        own = (match.label, match.concept_id)
        label, concept_id = (
            _value_of_rule(rule, match.label, ontology) if rule and rule.value else own
        )
        yield _value(field, label, text.column, match.surface, concept_id)


def _own_mentions(matches: Sequence[Match]) -> Iterator[Match]:
    """Yield matches that state something by themselves: not the parts of a longer name.

    A condition counts as a whole ("hemorrhage" in "vitreous hemorrhage", "silicone oil" in "silicone oil
    glaucoma"). A procedure's head is no step of its own ("YAG capsulotomy" opens no anterior capsule), nor
    is a single word in it; a variant before the head is ("big-bubble DALK").
    """
    reaching: list[Match] = []  # earlier matches by start that may contain the next
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


def _implied(
    match: Match, column: str, ontology: Ontology, named_ids: set[str]
) -> Iterator[_Value]:
    """Yield what the concept implies besides its own value; its family decides the fields it leaves out."""
    speakers: dict[str, str] = {}
    for rule in _rules_for(match.concept_id, "also", ontology):
        speaker = speakers.setdefault(rule.field, rule.concept_id)
        if speaker == rule.concept_id and named_ids.isdisjoint(rule.unless):
            label, concept_id = _value_of_rule(rule, match.label, ontology)
            yield _value(rule.field, label, column, match.surface, concept_id)


def _measured(text: TaggedText, ontology: Ontology, named_ids: set[str]) -> Iterator[_Value]:
    """Yield what numbers state: "27G PPV" names a system, "SMILE -5.00 D" a myopia."""
    spaced = with_blanks(text.text)
    gauge = _GAUGE.search(spaced) if _VITRECTOMY in named_ids else None
    if gauge:
        label = f"{gauge[1]}-gauge vitrectomy system"
        yield _value("device", label, text.column, text.text[slice(*gauge.span())], None)
    power = None if named_ids.isdisjoint(_REFRACTIVE) else _POWER.search(spaced)
    if power:
        concept_id = _HYPEROPIA if power[1] == "+" else _MYOPIA
        label = ontology.concepts[concept_id].label
        surface = text.text[slice(*power.span())]
        yield _value("condition", label, text.column, surface, concept_id)


def _value(field: str, label: str, column: str, surface: str, concept_id: str | None) -> _Value:
    evidence = Evidence(field=field, value=label, text_column=column, surface=surface)
    return _Value(evidence, concept_id)


def _value_of_rule(rule: FieldRule, label: str, ontology: Ontology) -> tuple[str, str | None]:
    """Return the value of a rule: a concept's preferred term, or a pattern around the label."""
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
    """Yield a concept and its ancestors, the nearest first."""
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
    retained = [v for v in unique.values() if v.concept_id not in above[v.evidence.field]]
    procedures = any(_is_procedure(v, ontology) for v in retained)
    return [
        v.evidence
        for v in retained
        if not (procedures and _is_field_of_work(v, ontology))
        and not _is_shortened(v.evidence, retained)
    ]


def _is_field_of_work(value: _Value, ontology: Ontology) -> bool:
    """Tell whether it names a field of surgery, no procedure: "eyelid surgery"."""
    label = value.evidence.value
    concept = ontology.concepts.get(value.concept_id or "")
    if concept is None or not label.endswith(" surgery"):
        return False
    above = ontology.concepts.get(concept.parent or "")
    return bool(above and label.endswith(f" {above.label}")) or any(
        other.parent == concept.concept_id for other in ontology.concepts.values()
    )


def _is_procedure(value: _Value, ontology: Ontology) -> bool:
    """Tell whether it names a procedure. An implanted lens does not say how the other one is removed."""
    return (
        value.evidence.field == "surgery"
        and not _is_field_of_work(value, ontology)
        and _LENS_IMPLANTATION not in _lineage(ontology, value.concept_id)
    )


def _is_shortened(evidence: Evidence, values: Sequence[_Value]) -> bool:
    """Tell whether another value of the field contains all of its words and more."""
    words = set(evidence.value.split())
    others = (v.evidence.value for v in values if v.evidence.field == evidence.field)
    return any(words < set(other.split()) for other in others)


@cache
def field_rules() -> Mapping[str, tuple[FieldRule, ...]]:
    """Read the rules of `fields.tsv` by the concept that they are about.

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
    return {concept_id: tuple(of_concept) for concept_id, of_concept in rules.items()}
