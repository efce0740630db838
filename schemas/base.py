"""What a table is: its columns with meaning and unit, its keys, and the rules that its rows keep.

A table here is closed (an extra column is a violation), versioned (the version stands in the Parquet
metadata) and checked column by column, never row by row. `TableSpec.check` reports everything that is
wrong at once, with ids and values; it never repairs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

Array: TypeAlias = pa.Array | pa.ChunkedArray

ID_PATTERN = r"^[A-Za-z0-9_-]+$"
"""Ids are readable and hold no dot, slash or blank: they serve as file names and WebDataset keys."""

SHOWN = 5
"""How many ids and values a violation names; the count is always whole."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: its Arrow type, what it means, and in which unit it is counted."""

    name: str
    type: pa.DataType
    meaning: str
    unit: str = ""
    nullable: bool = False


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A condition on rows. `broken` maps the table to a boolean mask, true where the rule is broken."""

    name: str
    column: str
    expects: str
    broken: Callable[[pa.Table], Array]


@dataclass(frozen=True, kw_only=True)
class ForeignKey:
    """Every non-null value of `column` must stand in `parent_column` of table `parent`."""

    column: str
    parent: str
    parent_column: str


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One broken rule in one table: how many rows break it, and which, up to `SHOWN` of them."""

    table: str
    rule: str
    column: str
    expects: str
    count: int
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        shown = "; ".join(self.examples)
        more = (
            f" and {self.count - len(self.examples)} more"
            if self.count > len(self.examples)
            else ""
        )
        where = f": {shown}{more}" if shown else ""
        count = f"{self.rule} in {self.count} row(s)"
        return f"{self.table}.{self.column}: {count}, expected {self.expects}{where}"


@dataclass(frozen=True, kw_only=True)
class TableSpec:
    """A table of the dataset. `primary_key` also gives the order in which rows are stored."""

    name: str
    version: int
    meaning: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()
    rules: tuple[Rule, ...] = ()
    arrow: pa.Schema = field(init=False)

    def __post_init__(self) -> None:
        metadata = {"ophvl.table": self.name, "ophvl.version": str(self.version)}
        fields = [pa.field(c.name, c.type, nullable=c.nullable) for c in self.columns]
        object.__setattr__(self, "arrow", pa.schema(fields, metadata=metadata))

    def empty(self) -> pa.Table:
        """A table of this schema without rows."""
        return self.arrow.empty_table()

    def table(self, rows: Sequence[object]) -> pa.Table:
        """Build a table from frozen row dataclasses whose attributes are exactly the columns.

        Row dataclasses, not dicts: `Table.from_pylist` drops a misspelt key in silence.
        """
        arrays = [
            pa.array([getattr(row, c.name) for row in rows], type=c.type) for c in self.columns
        ]
        return pa.Table.from_arrays(arrays, schema=self.arrow)

    def check(self, table: pa.Table) -> list[Violation]:
        """Check columns, types, version, nulls, primary key and rules; return all violations."""
        found = self.check_shape(table)
        if found:
            return found  # The rules below need the columns to be there and of the right type.
        found += self._check_nulls(table)
        found += self._check_key(table)
        for rule in self.rules:
            mask = pc.fill_null(rule.broken(table), False)
            found += self._violation(table, mask, rule.name, rule.column, rule.expects)
        return found

    def check_foreign_key(
        self, table: pa.Table, key: ForeignKey, parents: Array
    ) -> list[Violation]:
        """Check `key` of `table` against the parent column's values."""
        column = table.column(key.column)
        known = pc.is_in(column, value_set=_plain(parents))
        mask = pc.and_(pc.is_valid(column), pc.invert(known))
        expects = f"a value of {key.parent}.{key.parent_column}"
        return self._violation(table, mask, "dangling", key.column, expects)

    def check_shape(self, table: pa.Table) -> list[Violation]:
        """Check columns, their types and the version only: what costs nothing, whatever the rows."""

        def wrong(rule: str, column: str, expects: str, seen: str = "") -> Violation:
            return Violation(
                table=self.name,
                rule=rule,
                column=column,
                expects=expects,
                count=max(table.num_rows, 1),
                examples=(seen,) if seen else (),
            )

        found = []
        declared = {c.name: c for c in self.columns}
        for name in table.column_names:
            if name not in declared:
                found.append(wrong("extra column", name, "only columns of the schema"))
        for column in self.columns:
            if column.name not in table.column_names:
                found.append(wrong("missing column", column.name, str(column.type)))
            elif not _same_type(table.schema.field(column.name).type, column.type):
                seen = str(table.schema.field(column.name).type)
                found.append(wrong("wrong type", column.name, str(column.type), seen))
        version = (table.schema.metadata or {}).get(b"ophvl.version", b"").decode()
        if version != str(self.version):
            seen = version or "no version"
            found.append(wrong("wrong version", "(schema)", f"version {self.version}", seen))
        return found

    def _check_nulls(self, table: pa.Table) -> list[Violation]:
        found: list[Violation] = []
        for column in self.columns:
            if not column.nullable and table.column(column.name).null_count:
                mask = pc.is_null(table.column(column.name))
                found += self._violation(table, mask, "null", column.name, "a value")
        return found

    def _check_key(self, table: pa.Table) -> list[Violation]:
        if table.num_rows == 0:
            return []
        keys = list(self.primary_key)
        counts = table.select(keys).group_by(keys).aggregate([([], "count_all")])
        repeated = counts.filter(pc.greater(counts.column("count_all"), 1))
        if repeated.num_rows == 0:
            return []
        examples = tuple(
            "/".join(str(row[k]) for k in keys) for row in repeated.slice(0, SHOWN).to_pylist()
        )
        return [
            Violation(
                table=self.name,
                rule="repeated key",
                column="+".join(keys),
                expects="each key once",
                count=repeated.num_rows,
                examples=examples,
            )
        ]

    def _violation(
        self, table: pa.Table, mask: Array, rule: str, column: str, expects: str
    ) -> list[Violation]:
        count = pc.sum(mask).as_py() or 0
        if not count:
            return []
        names = list(dict.fromkeys([*self.primary_key, column]))
        rows = table.select(names).filter(mask).slice(0, SHOWN).to_pylist()
        examples = tuple(
            f"{'/'.join(str(row[k]) for k in self.primary_key)} = {_shown(row[column])}"
            for row in rows
        )
        return [
            Violation(
                table=self.name,
                rule=rule,
                column=column,
                expects=expects,
                count=count,
                examples=examples,
            )
        ]


def one_of(column: str, values: Sequence[str]) -> Rule:
    """The column holds only these values (nulls are judged by nullability)."""
    allowed = pa.array(list(values), pa.string())

    def broken(table: pa.Table) -> Array:
        data = table.column(column)
        return pc.and_(pc.is_valid(data), pc.invert(pc.is_in(data, value_set=allowed)))

    return Rule(name="not in set", column=column, expects=" | ".join(values), broken=broken)


def within(column: str, low: float | None = None, high: float | None = None) -> Rule:
    """`low <= value <= high`, either end open when None; NaN is out of every range."""

    def broken(table: pa.Table) -> Array:
        data = table.column(column)
        mask = pc.is_nan(data) if pa.types.is_floating(data.type) else pc.is_null(data)
        mask = pc.and_(mask, pc.is_valid(data))
        if low is not None:
            mask = pc.or_(mask, pc.fill_null(pc.less(data, low), False))
        if high is not None:
            mask = pc.or_(mask, pc.fill_null(pc.greater(data, high), False))
        return mask

    expects = f"{'' if low is None else f'{low} <= '}value{'' if high is None else f' <= {high}'}"
    return Rule(name="out of range", column=column, expects=expects, broken=broken)


def matches(column: str, pattern: str = ID_PATTERN) -> Rule:
    """The column's strings match the regular expression."""

    def broken(table: pa.Table) -> Array:
        return pc.invert(pc.match_substring_regex(table.column(column), pattern))

    return Rule(name="malformed", column=column, expects=f"text like {pattern}", broken=broken)


def not_blank(column: str) -> Rule:
    """The column's strings hold more than white space."""

    def broken(table: pa.Table) -> Array:
        return pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(table.column(column))), 0)

    return Rule(name="blank", column=column, expects="some text", broken=broken)


def span(start: str = "start_s", end: str = "end_s") -> Rule:
    """Half-open time span: `0 <= start < end`."""

    def broken(table: pa.Table) -> Array:
        begin, stop = table.column(start), table.column(end)
        return pc.or_(pc.less(begin, 0.0), pc.invert(pc.less(begin, stop)))

    return Rule(name="bad span", column=start, expects=f"0 <= {start} < {end}", broken=broken)


def present_if(column: str, other: str, value: str) -> Rule:
    """`column` is not null in rows where `other` equals `value`."""

    def broken(table: pa.Table) -> Array:
        return pc.and_(pc.equal(table.column(other), value), pc.is_null(table.column(column)))

    return Rule(
        name="missing", column=column, expects=f"a value where {other} = {value}", broken=broken
    )


def _plain(values: Array) -> pa.Array:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _same_type(seen: pa.DataType, wanted: pa.DataType) -> bool:
    """Type equality that ignores how a list names its item field, which Parquet writers differ in."""
    if pa.types.is_list(seen) and pa.types.is_list(wanted):
        return _same_type(seen.value_type, wanted.value_type)
    if pa.types.is_struct(seen) and pa.types.is_struct(wanted):
        return [f.name for f in seen] == [f.name for f in wanted] and all(
            _same_type(a.type, b.type) for a, b in zip(seen, wanted, strict=True)
        )
    return bool(seen.equals(wanted))
