"""Rules that say what a title's concepts mean for its fields."""

import pytest

from ophvl.errors import ConfigError
from ophvl.text.titles import fields
from ophvl.text.titles.fields import FIELDS, field_rules


def test_every_rule_names_concepts_that_exist(matcher):
    concepts = matcher.ontology.concepts
    rules = [rule for rules in field_rules().values() for rule in rules]
    named = {rule.concept_id for rule in rules} | {c for rule in rules for c in rule.unless}
    assert named - set(concepts) == set()
    values = {rule.value for rule in rules if ":" in rule.value}
    assert values - set(concepts) == set()
    assert {rule.field for rule in rules} <= {*FIELDS, "-"}


def test_a_rule_that_adds_a_value_has_one():
    assert all(r.value for rules in field_rules().values() for r in rules if r.mode == "also")


@pytest.mark.parametrize(
    "line",
    ["a:b\tas\tsurgery\t", "a:b\tperhaps\tsurgery\t\t", "a:b\tas\tcolour\t\t"],
)
def test_a_line_at_fault_is_named(tmp_path, monkeypatch, line):
    path = tmp_path / "title_fields.tsv"
    path.write_text(f"concept_id\tmode\tfield\tvalue\tunless\n{line}\n", encoding="utf-8")
    monkeypatch.setattr(fields, "RULES", path)
    field_rules.cache_clear()
    try:
        with pytest.raises(ConfigError, match=r"title_fields\.tsv:2: "):
            field_rules()
    finally:
        field_rules.cache_clear()
