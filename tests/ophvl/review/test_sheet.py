"""A sheet is a fair draw, survives a spreadsheet, and cannot be misread."""

from __future__ import annotations

import csv
import unicodedata
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from ophvl.errors import UsageError
from ophvl.review.sheet import COLUMNS, Item, Judgement, draw, from_csv, readings, to_csv
from schemas.narrations import Edit
from schemas.vocab import Target
from tests.factories import attribute_row, narration_row, table

TEXT = '=So I polish, "the" bag\nwith care'


def sheet_of(*texts: str) -> list[Item]:
    edit = Edit(start=3, end=6, before="hex", after="rhexis", rule="sound", score=0.9)
    noise = Edit(start=0, end=2, before="um", after="", rule="hesitation", score=1.0)
    narrations = [
        narration_row(n, text=text, text_asr=text, edits=[noise, edit])
        for n, text in enumerate(texts)
    ]
    attributes = [
        attribute_row(n, text_id=row.narration_id, surface=row.text[:3], start=0, end=3)
        for n, row in enumerate(narrations)
    ]
    tables = table("narrations", *narrations), table("attributes", *attributes)
    return list(readings(*tables, min_descriptive_score=0.3))


def test_narrations_corrections_and_attributes_are_judged_but_not_hesitations() -> None:
    items = sheet_of("So I polish the bag")
    assert [item.target for item in items] == [Target.NARRATION, Target.EDIT, Target.ATTRIBUTE]
    assert [item.value for item in items][1] == "rhexis"


def test_equal_texts_in_one_video_are_two_readings() -> None:
    items = sheet_of("So I polish the bag", "So I polish the bag")
    assert len({item.item_id for item in items}) == len(items) == 6


def test_a_reader_judges_whether_a_concept_is_negated() -> None:
    row = narration_row(1, text="no tear", text_asr="no tear", edits=[])
    tear = attribute_row(
        1, text_id=row.narration_id, surface="tear", start=3, end=7, label="tear", negated=True
    )
    tables = table("narrations", row), table("attributes", tear)
    *_, item = readings(*tables, min_descriptive_score=0.3)
    assert item.value == "no tear"


def test_attributes_of_other_texts_are_refused() -> None:
    row = narration_row(1, text="another text", edits=[])
    for text_id in (row.narration_id, "file_gone-n0000"):
        stale = attribute_row(1, text_id=text_id, surface="bag", start=4, end=7)
        tables = table("narrations", row), table("attributes", stale)
        with pytest.raises(UsageError, match="run `ophvl build-pairs` to the end"):
            list(readings(*tables, min_descriptive_score=0.3))


def test_a_sheet_without_a_name_is_by_its_file(tmp_path: Path) -> None:
    path = write(tmp_path / "ada.csv", sheet_of("So I polish"))
    assert {item.reader for item in from_csv(path)} == {"ada"}


def test_the_sheet_comes_back_as_it_was(tmp_path: Path) -> None:
    items = [replace(i, reader="Ada", judgement=Judgement.RIGHT) for i in sheet_of(TEXT, "-x y z")]
    path = tmp_path / "sheet.csv"
    path.write_text(to_csv(items), newline="")
    assert from_csv(path) == items


def test_a_program_may_spell_the_cells_otherwise(tmp_path: Path) -> None:
    items = [
        replace(i, reader="Zoë") for i in sheet_of("Müller's muscle is cut with a 10-0 needle")
    ]
    path = tmp_path / "sheet.csv"
    spelt = unicodedata.normalize("NFD", to_csv(items)).replace(
        "Mu\u0308ller's", "Mu\u0308ller\u2019s"
    )
    path.write_text(spelt, encoding="utf-8", newline="")
    assert from_csv(path) == items


def test_no_cell_can_run_as_a_formula(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text(to_csv(sheet_of("=cmd|' /C calc'!A0", "@SUM(1)", "+1 mm")), newline="")
    with path.open(newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def many_of(**sizes: int) -> list[Item]:
    (item, *_) = sheet_of("So I polish")
    return [
        replace(item, stratum=stratum, item_id=f"{stratum}{n}")
        for stratum, size in sizes.items()
        for n in range(size)
    ]


def test_a_stratified_draw_shares_the_count_and_notes_the_population() -> None:
    many = many_of(anatomy=500, edit=3, action=500)
    drawn = draw(many, 43, stratified=True, seed=1)
    assert Counter(item.stratum for item in drawn) == {"anatomy": 20, "action": 20, "edit": 3}
    assert {item.stratum: item.stratum_size for item in drawn}["action"] == 500
    assert drawn == draw(many, 43, stratified=True, seed=1) != draw(many, 43, stratified=True)
    assert len(draw(many, 5000, stratified=False)) == 1003


def test_an_unstratified_draw_follows_the_population() -> None:
    many = many_of(anatomy=900, edit=100)
    drawn = Counter(item.stratum for item in draw(many, 200, stratified=False))
    assert drawn["anatomy"] == pytest.approx(180, abs=15)


def write(path: Path, items: list[Item], **cells: str) -> Path:
    rows = list(csv.reader(to_csv(items).splitlines()))
    for name, value in cells.items():
        rows[1][COLUMNS.index(name)] = value
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"judgement": "maybe"}, "sheet.csv:2: judgement 'maybe' is not one of right, wrong"),
        ({"value": "nose"}, "sheet.csv:2: the reading itself was changed"),
        ({"start": "x"}, "sheet.csv:2: invalid literal"),
    ],
)
def test_a_cell_at_fault_is_named(tmp_path: Path, cells: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        from_csv(write(tmp_path / "sheet.csv", sheet_of("So I polish"), **cells))


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\xff\xfe", b'item_id,"x'])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "sheet.csv"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"sheet\.csv"):
        from_csv(path)


def test_capital_letters_and_blanks_in_a_judgement_do_no_harm(tmp_path: Path) -> None:
    path = write(tmp_path / "sheet.csv", sheet_of("So I polish"), judgement=" Wrong ")
    assert from_csv(path)[0].judgement is Judgement.WRONG
