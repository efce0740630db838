"""Read and check the ontology: one table of concepts for each kind, one of rules for shared words.

The files are `concepts/<kind>.tsv`, `ambiguous.tsv`, and optionally `title_aliases.tsv`. All faults are
reported at once, with file and line, since the files are edited by hand.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from ophvl.errors import ConfigError
from ophvl.ontology.forms import fold_term, variants
from ophvl.unicode import normalise
from schemas.vocab import Kind

FOLDER = Path(__file__).parent
"""Folder of the packaged ontology."""

RULES = "ambiguous.tsv"
TITLE_ALIASES = "title_aliases.tsv"

_CONCEPT_COLUMNS = (
    "concept_id",
    "label",
    "synonyms",
    "abbreviations",
    "parent",
    "icd10cm",
    "source",
)
_RULE_COLUMNS = ("concepts", "forms", "winner", "register", "before", "near")
_ALIAS_COLUMNS = ("concept_id", "language", "forms", "near")
_NO_CONCEPT = "-"
_CONCEPT_ID = re.compile(r"[a-z_]+:[a-z0-9]+(?:[_-][a-z0-9]+)*")
_ICD10CM = re.compile(r"[A-Z]\d[0-9A-Z](?:\.[0-9A-Z]{1,4})?")


class Register(StrEnum):
    """Kind of text in which a word occurs: "phaco" names a surgery in a title, a phase in a narration."""

    TEXT = "text"
    TITLE = "title"


@dataclass(frozen=True, kw_only=True)
class Concept:
    """One concept. `abbreviations` match only as they are written, all other terms in any case."""

    concept_id: str
    kind: Kind
    label: str
    synonyms: tuple[str, ...] = ()
    abbreviations: tuple[str, ...] = ()
    parent: str | None = None
    icd10cm: str | None = None
    source: str = ""

    def forms(self) -> set[str]:
        """Return the folded spellings that mean this concept in any case, also as texts spell them."""
        listed = (self.label, *self.synonyms)
        # "26\u00bd-gauge" stands in texts as "26 1/2-gauge", in older tables as it is listed.
        terms = {*listed, *map(normalise, listed)}
        return {form for term in terms for form in variants(term, self.kind)}


@dataclass(frozen=True, kw_only=True)
class AmbiguityRule:
    """A rule for the words that `concepts` share; it applies where all of its conditions hold.

    `forms` are the folded words that it is about (none: all that are shared); `register` is the kind of
    text; `before` lists words of which one must come right before; `near` words of which one must occur in
    the same sentence. An empty condition always holds. `winner` is None where no concept is meant.
    """

    concepts: frozenset[str]
    winner: str | None
    forms: tuple[str, ...] = ()
    register: Register | None = None
    before: tuple[str, ...] = ()
    near: tuple[str, ...] = ()

    def is_about(self, form: str) -> bool:
        """Tell whether the rule is about the folded word."""
        return not self.forms or form in self.forms

    def is_default(self) -> bool:
        """Tell whether the rule has no condition."""
        return not (self.register or self.before or self.near)


@dataclass(frozen=True, kw_only=True)
class TitleAlias:
    """A name of a concept in titles alone: shorthand, and words of other languages.

    A form with a capital matches only as it is written, others in any case; where `near` lists words, one
    of them must occur in the title as well. In a title an alias outweighs what the form means elsewhere.
    """

    form: str
    concept_id: str
    near: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Ontology:
    """All concepts by id, and the rules for shared words in order: the first that holds decides."""

    concepts: Mapping[str, Concept]
    rules: tuple[AmbiguityRule, ...]
    revision: str
    title_aliases: tuple[TitleAlias, ...] = ()

    def rules_for(self, form: str, concept_ids: Iterable[str]) -> tuple[AmbiguityRule, ...]:
        """Return the rules that decide between the concepts that share a form; empty if none is needed."""
        shared = frozenset(concept_ids)
        return tuple(r for r in self.rules if r.concepts == shared and r.is_about(form))


@dataclass(frozen=True)
class _Row:
    """One line of a table, by column."""

    location: str
    values: Mapping[str, str]

    def terms(self, column: str) -> tuple[str, ...]:
        return tuple(term.strip() for term in self.values[column].split("|") if term.strip())


def load(folder: Path = FOLDER) -> Ontology:
    """Read the ontology in `folder`.

    Raises:
        ConfigError: a file is missing or a line is at fault; the message lists all faults.
    """
    files = [folder / "concepts" / f"{kind}.tsv" for kind in Kind] + [folder / RULES]
    missing = [str(path) for path in files if not path.is_file()]
    if missing:
        raise ConfigError(f"the ontology in {folder} lacks {', '.join(missing)}")
    faults: list[str] = []
    by_id: dict[str, tuple[str, Concept]] = {}
    for kind, path in zip(Kind, files, strict=False):
        for row in _read(path, _CONCEPT_COLUMNS, faults):
            concept = _concept(row, kind)
            faults += _faults_of(row.location, concept)
            if concept.concept_id in by_id:
                faults.append(
                    f"{row.location}: {concept.concept_id} is also at {by_id[concept.concept_id][0]}"
                )
            by_id[concept.concept_id] = (row.location, concept)
    rules = []
    for row in _read(folder / RULES, _RULE_COLUMNS, faults):
        rules.append(_rule(row, faults))
        faults += _rule_faults(row.location, rules[-1], by_id)
    aliases: list[TitleAlias] = []
    if (folder / TITLE_ALIASES).is_file():
        files.append(folder / TITLE_ALIASES)
        for row in _read(files[-1], _ALIAS_COLUMNS, faults):
            aliases += _aliases(row, by_id, faults)
    ontology = Ontology(
        concepts=MappingProxyType({id_: concept for id_, (_, concept) in by_id.items()}),
        rules=tuple(rules),
        revision=_revision(files),
        title_aliases=tuple(aliases),
    )
    faults += _parent_faults(by_id)
    faults += _ambiguity_faults(by_id, ontology, RULES)
    if faults:
        raise ConfigError(
            f"the ontology in {folder} has {len(faults)} fault(s):\n  " + "\n  ".join(faults)
        )
    return ontology


def _revision(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.name}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _read(path: Path, columns: tuple[str, ...], faults: list[str]) -> Iterator[_Row]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as err:
        faults.append(f"{path.name}: not UTF-8 ({err.reason} at byte {err.start})")
        return
    if not lines or tuple(lines[0].split("\t")) != columns:
        faults.append(
            f"{path.name}:1: the first line must name the columns {', '.join(columns)}, separated by tabs"
        )
        return
    for number, line in enumerate(lines[1:], start=2):
        cells = line.split("\t")
        if len(cells) != len(columns):
            faults.append(f"{path.name}:{number}: {len(cells)} cells, expected {len(columns)}")
            continue
        yield _Row(f"{path.name}:{number}", dict(zip(columns, map(str.strip, cells), strict=True)))


def _concept(row: _Row, kind: Kind) -> Concept:
    return Concept(
        concept_id=row.values["concept_id"],
        kind=kind,
        label=row.values["label"],
        synonyms=row.terms("synonyms"),
        abbreviations=row.terms("abbreviations"),
        parent=row.values["parent"] or None,
        icd10cm=row.values["icd10cm"] or None,
        source=row.values["source"],
    )


def _rule(row: _Row, faults: list[str]) -> AmbiguityRule:
    register = row.values["register"]
    if register and register not in list(Register):
        faults.append(f"{row.location}: register '{register}' is not one of {', '.join(Register)}")
    return AmbiguityRule(
        concepts=frozenset(row.terms("concepts")),
        winner=None if row.values["winner"] == _NO_CONCEPT else row.values["winner"],
        forms=tuple(map(fold_term, row.terms("forms"))),
        register=Register(register) if register in list(Register) else None,
        before=tuple(map(fold_term, row.terms("before"))),
        near=tuple(map(fold_term, row.terms("near"))),
    )


def _aliases(
    row: _Row, by_id: Mapping[str, tuple[str, Concept]], faults: list[str]
) -> Iterator[TitleAlias]:
    concept_id = row.values["concept_id"]
    if concept_id not in by_id:
        faults.append(f"{row.location}: concept {concept_id} does not exist")
    for form in row.terms("forms"):
        if len(fold_term(form)) < 2:
            faults.append(f"{row.location}: form '{form}' is too short")
        near = frozenset(map(fold_term, row.terms("near")))
        yield TitleAlias(form=form, concept_id=concept_id, near=near)


def _faults_of(location: str, concept: Concept) -> Iterator[str]:
    if not _CONCEPT_ID.fullmatch(concept.concept_id) or not concept.concept_id.startswith(
        f"{concept.kind}:"
    ):
        yield f"{location}: id '{concept.concept_id}' is not {concept.kind}:<slug>"
    if not concept.label:
        yield f"{location}: no preferred term"
    if not concept.source:
        yield f"{location}: no source"
    if concept.icd10cm and not _ICD10CM.fullmatch(concept.icd10cm):
        yield f"{location}: '{concept.icd10cm}' is not an ICD-10-CM code"
    folded = [fold_term(term) for term in (concept.label, *concept.synonyms)]
    for term in sorted(set(folded)):
        if len(term) < 2:
            yield f"{location}: term '{term}' is too short"
        if folded.count(term) > 1:
            yield f"{location}: term '{term}' is given twice"
    for abbreviation in concept.abbreviations:
        if not any(char.isupper() for char in abbreviation) or len(abbreviation) < 2:
            yield (
                f"{location}: abbreviation '{abbreviation}' needs two characters and a capital;"
                " else make it a synonym"
            )


def _parent_faults(by_id: Mapping[str, tuple[str, Concept]]) -> Iterator[str]:
    for location, concept in by_id.values():
        if concept.parent is None:
            continue
        if concept.parent not in by_id:
            yield f"{location}: parent {concept.parent} does not exist"
            continue
        visited, above = {concept.concept_id}, concept.parent
        while above in by_id and above not in visited:
            visited.add(above)
            above = by_id[above][1].parent or ""
        if above in visited:
            yield f"{location}: {concept.concept_id} is its own ancestor"


def _rule_faults(
    location: str, rule: AmbiguityRule, by_id: Mapping[str, tuple[str, Concept]]
) -> Iterator[str]:
    for concept_id in sorted(rule.concepts - set(by_id)):
        yield f"{location}: concept {concept_id} does not exist"
    if rule.winner is not None and rule.winner not in rule.concepts:
        yield f"{location}: winner '{rule.winner}' is not among the concepts of the rule"


def _ambiguity_faults(
    by_id: Mapping[str, tuple[str, Concept]], ontology: Ontology, rules_file: str
) -> Iterator[str]:
    owners: dict[str, list[tuple[str, Concept]]] = {}
    for location, concept in by_id.values():
        for form in concept.forms() | set(concept.abbreviations):
            owners.setdefault(form, []).append((location, concept))
    for form, owners_of_form in owners.items():
        if len(owners_of_form) < 2:
            continue
        names = ", ".join(
            f"{concept.concept_id} ({location})" for location, concept in owners_of_form
        )
        kinds = [concept.kind for _, concept in owners_of_form]
        if len(set(kinds)) < len(kinds):
            yield f"'{form}' means several concepts of one kind: {names}"
            continue
        rules = ontology.rules_for(form, (concept.concept_id for _, concept in owners_of_form))
        if not rules or not rules[-1].is_default():
            yield f"'{form}' means {names}; say in {rules_file} which wins, last by a rule without condition"
