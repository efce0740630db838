"""The packaged ontology is whole, and every fault of an edited one is named."""

import shutil

import pytest

from ophvl.errors import ConfigError
from ophvl.ontology import load
from ophvl.ontology.loader import FOLDER
from schemas.vocab import Kind

BENCHMARK_PHASES = [
    *["Incision", "Viscous agent injection", "Rhexis", "Hydrodissection", "Phacoemulsificiation"],
    *["Irrigation and aspiration", "Capsule polishing", "Lens implant setting-up"],
    *["Viscous agent removal", "Tonifying and antibiotics", "Viscodilatation", "Capsule Pulishing"],
    *["Irrigation/Aspiration", "Lens positioning", "Viscoelastic_Suction", "Wound Hydratation"],
    *["Anterior_Chamber Flushing", "Toric Marking", "Implant Ejection", "Nucleus Breaking"],
    *["Preparing Implant", "Manual Aspiration", "OVD Aspiration", "Sealing Control"],
]
BENCHMARK_TOOLS = [
    *["Charleux cannula", "Rycroft cannula", "cotton", "capsulorhexis cystotome", "Bonn forceps"],
    *["Troutman forceps", "I/A handpiece", "vitrectomy handpiece", "implant injector"],
    *["primary incision knife", "secondary incision knife", "micromanipulator", "Mendez ring"],
    *["Vannas scissors", "slit knife", "katena forceps", "cartridge", "spatula", "Eye Retractors"],
]


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(FOLDER / "concepts", tmp_path / "concepts")
    for path in FOLDER.glob("*.tsv"):
        shutil.copy(path, tmp_path)
    return tmp_path


def replace(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def text_with(concept, term):
    """A text with the term; a verb needs a subject."""
    return f"we {term} it" if concept.kind is Kind.ACTION else term


def test_packaged_ontology_covers_every_kind():
    ontology = load()
    assert {concept.kind for concept in ontology.concepts.values()} == set(Kind)
    assert len(ontology.concepts) >= 300
    assert all(concept.label == concept.label.lower() for concept in ontology.concepts.values())


def test_revision_follows_the_files(folder):
    assert load(folder).revision == load().revision
    replace(folder / "concepts/phase.tsv", "curated", "edited")
    assert load(folder).revision != load().revision
    assert len(load().revision) == 16


@pytest.mark.parametrize("name", BENCHMARK_PHASES)
def test_benchmark_phases_are_known(name, matcher):
    assert Kind.PHASE in {match.kind for match in matcher.find(name) if match.surface == name}


@pytest.mark.parametrize("name", BENCHMARK_TOOLS)
def test_benchmark_instruments_are_known(name, matcher):
    assert [match.kind for match in matcher.find(name) if match.surface == name] == [
        Kind.INSTRUMENT
    ]


def test_every_term_names_its_own_concept_or_a_rule_decides(matcher):
    shared = {concept_id for rule in matcher.ontology.rules for concept_id in rule.concepts}
    lost = [
        f"{concept.concept_id}: {term}"
        for concept in matcher.ontology.concepts.values()
        if concept.concept_id not in shared
        for term in (concept.label, *concept.synonyms, *concept.abbreviations)
        if concept.concept_id
        not in {match.concept_id for match in matcher.find(text_with(concept, term))}
    ]
    assert lost == []


def test_all_faults_are_reported_at_once_with_their_lines(folder):
    phase = folder / "concepts/phase.tsv"
    with phase.open("a", encoding="utf-8") as file:
        file.write("phase:zz\tzz step\t\t\tphase:nowhere\t\tx\n")
        file.write("phase:ZZ 2\tzz other\tzz other\tzz\t\tbad\t\n")
        file.write("too\tfew\n")
    replace(folder / "ambiguous.tsv", "winner", "wnner")
    with pytest.raises(ConfigError) as caught:
        load(folder)
    message = str(caught.value)
    last = len(phase.read_text(encoding="utf-8").splitlines())
    assert f"phase.tsv:{last - 2}: parent phase:nowhere does not exist" in message
    assert f"phase.tsv:{last - 1}: id 'phase:ZZ 2' is not phase:<slug>" in message
    assert f"phase.tsv:{last - 1}: term 'zz other' is given twice" in message
    assert f"phase.tsv:{last - 1}: abbreviation 'zz' needs" in message
    assert f"phase.tsv:{last - 1}: 'bad' is not an ICD-10-CM code" in message
    assert f"phase.tsv:{last - 1}: no source" in message
    assert f"phase.tsv:{last}: 2 cells, expected 7" in message
    assert "ambiguous.tsv:1: the first line must name the columns" in message


def test_one_word_for_two_concepts_needs_a_rule(folder):
    with (folder / "concepts/disease.tsv").open("a", encoding="utf-8") as file:
        file.write("disease:zz\tkeratomes\t\t\t\t\tx\n")
    with pytest.raises(ConfigError, match=r"'keratomes' means .*instrument:keratome.*disease:zz"):
        load(folder)


def test_one_word_for_two_concepts_of_one_kind_is_never_right(folder):
    with (folder / "concepts/phase.tsv").open("a", encoding="utf-8") as file:
        file.write("phase:zz\trhexis\t\t\t\t\tx\n")
    with pytest.raises(ConfigError, match="'rhexis' means several concepts of one kind"):
        load(folder)


def test_ancestry_may_not_run_in_a_circle(folder):
    with (folder / "concepts/phase.tsv").open("a", encoding="utf-8") as file:
        file.write("phase:za\tza step\t\t\tphase:zb\t\tx\nphase:zb\tzb step\t\t\tphase:za\t\tx\n")
    with pytest.raises(ConfigError, match="phase:za is its own ancestor"):
        load(folder)


def test_a_missing_file_is_named(folder):
    (folder / "concepts/action.tsv").unlink()
    with pytest.raises(ConfigError, match=r"lacks .*action\.tsv"):
        load(folder)
