"""Columns: what the annotations of a row class declare, and the Arrow types and arrays that follow.

A row class is a frozen dataclass each of whose fields is a column:

    start_s: Annotated[float, column("start of the clip", unit="s")]

Its type gives the Arrow type; `X | None` makes it nullable; an enum limits it to the enum's values. A
sequence of another such class is a list of structs.
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, kw_only=True)
class ColumnNote:
    """What the annotation of a row class says of a column besides its type."""

    meaning: str
    unit: str
    name: str
    after: str
    since: int


def column(
    meaning: str, *, unit: str = "", name: str = "", after: str = "", since: int = 1
) -> ColumnNote:
    """Describe a column in the annotation of a row class.

    Args:
        meaning: what its values mean.
        unit: the unit in which they are counted.
        name: the column's name, where it cannot be an attribute (`class`); else the attribute's own.
        after: the column of a base class that it follows; a column without stands after all so far.
        since: the version of the table that brought it. Rows of earlier versions have null there, so that a
            column that comes later must be nullable.
    """
    return ColumnNote(meaning=meaning, unit=unit, name=name, after=after, since=since)


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: the attribute of the row class that holds it, its Python type, meaning and unit."""

    name: str
    attribute: str
    value_type: Any
    meaning: str
    unit: str = ""
    nullable: bool = False
    since: int = 1

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type."""
        return arrow_type(self.value_type)

    @property
    def vocabulary(self) -> type[StrEnum] | None:
        """The enum whose values alone the column may hold, if there is one."""
        is_enum = isinstance(self.value_type, type) and issubclass(self.value_type, StrEnum)
        return self.value_type if is_enum else None


@cache
def columns_of(row: type) -> tuple[Column, ...]:
    """Return the columns that a row class declares, in their order.

    Raises:
        TypeError: a field has no description; names class and field.
    """
    hints = get_type_hints(row, include_extras=True)
    columns: list[Column] = []
    for field in fields(row):
        hint = hints[field.name]
        if get_origin(hint) is not Annotated:
            raise TypeError(f"{row.__name__}.{field.name} has no column(...) in its annotation")
        annotation, note = get_args(hint)
        value_type, nullable = _without_none(annotation)
        names = [c.name for c in columns]
        columns.insert(
            names.index(note.after) + 1 if note.after else len(columns),
            Column(
                name=note.name or field.name,
                attribute=field.name,
                value_type=value_type,
                meaning=note.meaning,
                unit=note.unit,
                nullable=nullable,
                since=note.since,
            ),
        )
    return tuple(columns)


def column_names(row: type) -> tuple[str, ...]:
    """Return the names of the columns that a row class declares, in their order."""
    return tuple(c.name for c in columns_of(row))


def as_dict(row: object) -> dict[str, Any]:
    """Return a row's values by column name."""
    row_class: type = type(row)
    return {c.name: getattr(row, c.attribute) for c in columns_of(row_class)}


def arrow_type(value_type: Any) -> pa.DataType:
    """Return the Arrow type of a column with values of this Python type."""
    import pyarrow as pa

    if get_origin(value_type) is Sequence:
        return pa.list_(arrow_type(*get_args(value_type)))
    if _is_struct(value_type):
        # All fields may be null, whatever the class says: so the types in older files are, and must be equal.
        return pa.struct([(c.name, c.arrow) for c in columns_of(value_type)])
    if issubclass(value_type, str):
        return pa.string()
    plain = {
        bool: pa.bool_(),
        int: pa.int64(),
        float: pa.float64(),
        bytes: pa.binary(),
        datetime: pa.timestamp("ms", tz="UTC"),
    }
    return plain[value_type]


def arrow_array(values: Sequence[Any], value_type: Any) -> pa.Array:
    """Build the array of a column. Structs are built field by field, without a dict for each."""
    import pyarrow as pa

    if _is_struct(value_type):
        columns = columns_of(value_type)
        arrays = [
            arrow_array([getattr(value, c.attribute) for value in values], c.value_type)
            for c in columns
        ]
        return pa.StructArray.from_arrays(arrays, names=[c.name for c in columns])
    if get_origin(value_type) is Sequence and _is_struct(*get_args(value_type)):
        ends = [0]
        for value in values:
            ends.append(ends[-1] + len(value or ()))
        items = [item for value in values for item in value or ()]
        return pa.ListArray.from_arrays(
            pa.array(ends, pa.int32()),
            arrow_array(items, *get_args(value_type)),
            mask=pa.array([value is None for value in values], pa.bool_()),
        )
    return pa.array(values, type=arrow_type(value_type))


def _is_struct(value_type: Any) -> bool:
    return is_dataclass(value_type)


def _without_none(annotation: Any) -> tuple[Any, bool]:
    """Return the type without None, and whether it allows None."""
    if get_origin(annotation) not in (types.UnionType, Union):
        return annotation, False
    (value_type,) = [arg for arg in get_args(annotation) if arg is not types.NoneType]
    return value_type, True
