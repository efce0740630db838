"""Codes of other systems: ours from ICD-10-CM, the user's from a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from ophvl.errors import ConfigError
from ophvl.ontology.codes import Codes
from schemas.video_attributes import Code

HEAD = "concept_id\tsystem\tcode\n"


def test_icd_codes_need_no_table(ontology) -> None:
    codes = Codes(ontology)
    assert codes.of("disease:cataract") == (Code(system="ICD-10-CM", code="H26.9"),)
    assert codes.of("instrument:forceps") == ()


def test_the_users_codes_follow(ontology, tmp_path: Path) -> None:
    path = tmp_path / "codes.tsv"
    path.write_text(
        HEAD + "instrument:forceps\tlocal\tF1\ndisease:cataract\tlocal\tC1\n", encoding="utf-8-sig"
    )
    codes = Codes(ontology, path)
    assert codes.of("instrument:forceps") == (Code(system="local", code="F1"),)
    assert [code.system for code in codes.of("disease:cataract")] == ["ICD-10-CM", "local"]
    assert codes.revision != Codes(ontology).revision


def test_repeated_codes_are_listed_once(ontology, tmp_path: Path) -> None:
    path = tmp_path / "codes.tsv"
    lines = ["local\tC1", "local\tC1", "ICD-10-CM\tH26.9", "local\tC2"]
    path.write_text(HEAD + "".join(f"disease:cataract\t{line}\n" for line in lines))
    codes = Codes(ontology, path).of("disease:cataract")
    assert [code.code for code in codes] == ["H26.9", "C1", "C2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "codes.tsv:1: the first line"),
        (HEAD + "instrument:forceps\tlocal\n", "codes.tsv:2: expected three"),
        (HEAD + "instrument:forcep\tlocal\tF1\n", "did you mean instrument:forceps"),
    ],
)
def test_a_line_at_fault_is_named(ontology, tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "codes.tsv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        Codes(ontology, path).of("instrument:forceps")


def test_a_missing_table_is_named(ontology, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no\.tsv"):
        Codes(ontology, tmp_path / "no.tsv").of("instrument:forceps")
