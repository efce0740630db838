"""What concepts are called in titles alone."""

import shutil

import pytest

from ophvl.errors import ConfigError
from ophvl.ontology import Register, load
from ophvl.ontology.loader import FOLDER, TITLE_ALIASES


def concept_ids(matcher, text, register=Register.TITLE):
    return {match.concept_id for match in matcher.find(text, register=register)}


def test_an_alias_counts_in_titles_alone(matcher):
    assert "surgery:pars_plana_vitrectomy" in concept_ids(matcher, "Vitrektomie")
    assert concept_ids(matcher, "Vitrektomie", Register.TEXT) == set()


def test_a_form_with_capitals_matches_as_it_is_written(matcher):
    assert "surgery:silicone_oil_removal" in concept_ids(matcher, "ROSO")
    assert "surgery:silicone_oil_removal" not in concept_ids(matcher, "Roso")


def test_a_form_may_ask_for_a_word_near_it(matcher):
    assert "surgery:anterior_vitrectomy" in concept_ids(matcher, "Lens aspiration+AV")
    assert "surgery:anterior_vitrectomy" not in concept_ids(matcher, "AV cables")


@pytest.mark.parametrize("text", ["白内障超声乳化联合人工晶体植入术", "手术 超声乳化"])
def test_scripts_without_blanks(matcher, text):
    assert "surgery:phacoemulsification" in concept_ids(matcher, text)


def test_borders_hold_for_other_scripts(matcher):
    assert "disease:cataract" in concept_ids(matcher, "катаракта, левый глаз")
    assert "disease:cataract" not in concept_ids(matcher, "антикатарактальный")


def test_faults_are_named(tmp_path):
    shutil.copytree(FOLDER / "concepts", tmp_path / "concepts")
    shutil.copy(FOLDER / "ambiguous.tsv", tmp_path)
    lines = "concept_id\tlanguage\tforms\tnear\nsurgery:magic\ten\tMGC\t\neye\ten\n"
    (tmp_path / TITLE_ALIASES).write_text(lines, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"title_aliases\.tsv:2: concept surgery:magic") as fault:
        load(tmp_path)
    assert "title_aliases.tsv:3: 2 cells, expected 4" in str(fault.value)


def test_a_folder_without_aliases_is_whole(tmp_path):
    shutil.copytree(FOLDER / "concepts", tmp_path / "concepts")
    shutil.copy(FOLDER / "ambiguous.tsv", tmp_path)
    assert load(tmp_path).title_aliases == ()
