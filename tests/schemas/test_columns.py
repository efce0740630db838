"""A row class is the schema: its annotations give names, types, nulls, order and vocabularies."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import pyarrow as pa
import pytest

import schemas
from schemas.base import TableSpec
from schemas.columns import as_dict, column, column_names, columns_of


class SampleColour(StrEnum):
    RED = "red"
    GREEN = "green"


@dataclass(frozen=True, kw_only=True)
class SamplePoint:
    time_s: Annotated[float, column("time of the point", unit="s")]
    from_: Annotated[str | None, column("who set it", name="from")]


@dataclass(frozen=True, kw_only=True)
class SampleColumns:
    row_id: Annotated[str, column("row")]
    note: Annotated[str | None, column("free text")]


@dataclass(frozen=True, kw_only=True)
class SampleRow(SampleColumns):
    colour: Annotated[SampleColour | None, column("colour", after="row_id")]
    points: Annotated[Sequence[SamplePoint], column("points in order of time")]
    count: Annotated[int, column("how many")]
    at: Annotated[datetime, column("when")]


SPEC = TableSpec(name="rows", version=1, meaning="rows", row=SampleRow, primary_key=("row_id",))


def row(**changes: object) -> SampleRow:
    plain = {"row_id": "a", "note": None, "colour": None, "points": (), "count": 1, "at": None}
    return SampleRow(**{**plain, **changes})


def test_names_follow_the_class_and_what_a_column_stands_after() -> None:
    assert column_names(SampleRow) == ("row_id", "colour", "note", "points", "count", "at")
    assert column_names(SampleColumns) == ("row_id", "note")
    assert column_names(SamplePoint) == ("time_s", "from")


def test_types_and_nulls_follow_the_annotations() -> None:
    assert SPEC.arrow.equals(
        pa.schema(
            [
                pa.field("row_id", pa.string(), nullable=False),
                pa.field("colour", pa.string()),
                pa.field("note", pa.string()),
                pa.field(
                    "points",
                    pa.list_(pa.struct({"time_s": pa.float64(), "from": pa.string()})),
                    nullable=False,
                ),
                pa.field("count", pa.int64(), nullable=False),
                pa.field("at", pa.timestamp("ms", tz="UTC"), nullable=False),
            ]
        )
    )
    assert [c.unit for c in columns_of(SamplePoint)] == ["s", ""]


def test_an_enum_limits_the_values() -> None:
    (rule,) = SPEC.all_rules
    assert (rule.column, rule.expects) == ("colour", "red | green")
    table = SPEC.table([row(row_id="a", colour="blue"), row(row_id="b", colour=SampleColour.RED)])
    assert [v.examples for v in SPEC.check(table) if v.column == "colour"] == [("a = 'blue'",)]


def test_structs_are_built_as_pyarrow_builds_them_from_dicts() -> None:
    points = [SamplePoint(time_s=1.0, from_="x"), SamplePoint(time_s=2.0, from_=None)]
    cells = [points, [], None, points[:1]]
    built = SPEC.table([row(points=cell) for cell in cells]).column("points")
    built.validate(full=True)
    plain = [None if cell is None else [as_dict(point) for point in cell] for cell in cells]
    assert built.combine_chunks().equals(pa.array(plain, SPEC.arrow.field("points").type))
    assert plain[0][0] == {"time_s": 1.0, "from": "x"}


def test_a_field_without_description_is_refused() -> None:
    @dataclass(frozen=True, kw_only=True)
    class UndescribedRow:
        row_id: str

    with pytest.raises(TypeError, match=r"UndescribedRow\.row_id"):
        columns_of(UndescribedRow)


def test_no_schema_module_loads_pyarrow() -> None:
    modules = [f"schemas.{module.name}" for module in pkgutil.iter_modules(schemas.__path__)]
    code = f"import sys, {', '.join(modules)}; print('pyarrow' in sys.modules)"
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"
