"""What a table is: its row class, its keys, and the rules that its rows keep.

A table here is closed (an extra column is a violation), versioned (the version stands in the Parquet
metadata) and checked column by column, never row by row. `TableSpec.check` reports everything that is
wrong at once, with ids and values; it never repairs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from schemas.columns import Column, arrow_array, columns_of

if TYPE_CHECKING:
    import pyarrow as pa

Array: TypeAlias = "pa.Array | pa.ChunkedArray"

ID_PATTERN = r"^[A-Za-z0-9_-]+$"
"""Ids are readable and hold no dot, slash or blank: they serve as file names and WebDataset keys."""

SHOWN = 5
"""How many ids and values a violation names; the count is always whole."""


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
    """A table of the dataset. `row` is the class that declares its columns (`schemas.columns`).

    `primary_key` also gives the order in which rows are stored. `rules` hold besides what the types of the
    columns say.
    """

    name: str
    version: int
    meaning: str
    row: type
    primary_key: tuple[str, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()
    rules: tuple[Rule, ...] = ()

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns in their order."""
        return columns_of(self.row)

    @cached_property
    def later_columns(self) -> frozenset[str]:
        """The columns that the first version of the table did not have."""
        return frozenset(c.name for c in self.columns if c.since > 1)

    @cached_property
    def all_rules(self) -> tuple[Rule, ...]:
        """The rules, after those that follow from columns with a closed vocabulary."""
        closed = [one_of(c.name, list(c.vocabulary)) for c in self.columns if c.vocabulary]
        return (*closed, *self.rules)

    @cached_property
    def arrow(self) -> pa.Schema:
        """The Arrow schema, with the table's name and version in its metadata."""
        import pyarrow as pa

        metadata = {"ophvl.table": self.name, "ophvl.version": str(self.version)}
        fields = [pa.field(c.name, c.arrow, nullable=c.nullable) for c in self.columns]
        return pa.schema(fields, metadata=metadata)

    def empty(self) -> pa.Table:
        """Return a table of this schema without rows."""
        return self.arrow.empty_table()

    def table(self, rows: Sequence[object]) -> pa.Table:
        """Build a table from rows of the table's row class.

        Rows, not dicts: `Table.from_pylist` drops a misspelt key in silence.
        """
        import pyarrow as pa

        arrays = [
            arrow_array([getattr(row, c.attribute) for row in rows], c.value_type)
            for c in self.columns
        ]
        return pa.Table.from_arrays(arrays, schema=self.arrow)

    def of_this_version(self, rows: pa.Table) -> pa.Table:
        """Return rows of a stored file with null in the columns that came after its version.

        Rows of a version that had other columns besides are returned as they are; `check_shape` refuses them.
        """
        version = _version(rows.schema)
        first = min((c.since for c in self.columns if c.since > 1), default=self.version + 1) - 1
        if not version.isdecimal() or not first <= int(version) < self.version:
            return rows
        known = [c.name for c in self.columns if c.since <= int(version)]
        return self.select(rows, self.arrow.names) if rows.column_names == known else rows

    def select(self, rows: pa.Table, names: Sequence[str]) -> pa.Table:
        """Select columns of rows of a stored file, with null in those that it lacks."""
        import pyarrow as pa

        schema = pa.schema([self.arrow.field(n) for n in names], metadata=self.arrow.metadata)
        present = set(rows.column_names)
        arrays = [
            rows.column(f.name) if f.name in present else pa.nulls(len(rows), f.type)
            for f in schema
        ]
        return pa.Table.from_arrays(arrays, schema=schema)

    def check(self, table: pa.Table) -> list[Violation]:
        """Check columns, types, version, nulls, primary key and rules; return all violations."""
        import pyarrow.compute as pc

        violations = self.check_shape(table)
        if violations:
            return violations  # The rules below need the columns to be there and of the right type.
        violations += self._check_nulls(table)
        violations += self._check_key(table)
        for rule in self.all_rules:
            mask = pc.fill_null(rule.broken(table), False)
            violations += self._violation(table, mask, rule.name, rule.column, rule.expects)
        return violations

    def check_foreign_key(
        self, table: pa.Table, key: ForeignKey, parents: Array
    ) -> list[Violation]:
        """Check `key` of `table` against the parent column's values."""
        import pyarrow.compute as pc

        column = table.column(key.column)
        known = pc.is_in(column, value_set=_plain(parents))
        mask = pc.and_(pc.is_valid(column), pc.invert(known))
        expects = f"a value of {key.parent}.{key.parent_column}"
        return self._violation(table, mask, "dangling", key.column, expects)

    def check_shape(self, table: pa.Table) -> list[Violation]:
        """Check columns, their types and the version only: what costs nothing, whatever the rows."""

        def wrong(rule: str, column: str, expects: str, actual: str = "") -> Violation:
            return Violation(
                table=self.name,
                rule=rule,
                column=column,
                expects=expects,
                count=max(table.num_rows, 1),
                examples=(actual,) if actual else (),
            )

        violations = []
        declared = {c.name: c for c in self.columns}
        for name in table.column_names:
            if name not in declared:
                violations.append(wrong("extra column", name, "only columns of the schema"))
        for name, column in declared.items():
            if name not in table.column_names:
                violations.append(wrong("missing column", name, str(column.arrow)))
                continue
            actual = table.schema.field(name).type
            if not _same_type(actual, column.arrow):
                violations.append(wrong("wrong type", name, str(column.arrow), str(actual)))
        version = _version(table.schema)
        if version != str(self.version):
            actual = version or "no version"
            violations.append(wrong("wrong version", "(schema)", f"version {self.version}", actual))
        return violations

    def _check_nulls(self, table: pa.Table) -> list[Violation]:
        import pyarrow.compute as pc

        violations: list[Violation] = []
        for column in self.columns:
            if not column.nullable and table.column(column.name).null_count:
                mask = pc.is_null(table.column(column.name))
                violations += self._violation(table, mask, "null", column.name, "a value")
        return violations

    def _check_key(self, table: pa.Table) -> list[Violation]:
        import pyarrow.compute as pc

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
        import pyarrow.compute as pc

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
    """Require one of these values (nulls are judged by nullability)."""

    def broken(table: pa.Table) -> Array:
        import pyarrow as pa
        import pyarrow.compute as pc

        data = table.column(column)
        allowed = pa.array(values, pa.string())
        return pc.and_(pc.is_valid(data), pc.invert(pc.is_in(data, value_set=allowed)))

    return Rule(name="not in set", column=column, expects=" | ".join(values), broken=broken)


def within(column: str, low: float | None = None, high: float | None = None) -> Rule:
    """Require `low <= value <= high`, either end open when None; NaN is out of every range."""

    def broken(table: pa.Table) -> Array:
        import pyarrow as pa
        import pyarrow.compute as pc

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
    """Require strings that match the regular expression."""

    def broken(table: pa.Table) -> Array:
        import pyarrow.compute as pc

        return pc.invert(pc.match_substring_regex(table.column(column), pattern))

    return Rule(name="malformed", column=column, expects=f"text like {pattern}", broken=broken)


def not_blank(column: str) -> Rule:
    """Require strings of more than white space."""

    def broken(table: pa.Table) -> Array:
        import pyarrow.compute as pc

        return pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(table.column(column))), 0)

    return Rule(name="blank", column=column, expects="some text", broken=broken)


def span(start: str = "start_s", end: str = "end_s") -> Rule:
    """Require a half-open span: `0 <= start < end`."""

    def broken(table: pa.Table) -> Array:
        import pyarrow.compute as pc

        begin, stop = table.column(start), table.column(end)
        return pc.or_(pc.less(begin, 0.0), pc.invert(pc.less(begin, stop)))

    return Rule(name="bad span", column=start, expects=f"0 <= {start} < {end}", broken=broken)


def present_if(column: str, other: str, value: str) -> Rule:
    """Require a value of `column` in rows where `other` equals `value`."""

    def broken(table: pa.Table) -> Array:
        import pyarrow.compute as pc

        return pc.and_(pc.equal(table.column(other), value), pc.is_null(table.column(column)))

    return Rule(
        name="missing", column=column, expects=f"a value where {other} = {value}", broken=broken
    )


def _version(schema: pa.Schema) -> str:
    return str((schema.metadata or {}).get(b"ophvl.version", b"").decode())


def _plain(values: Array) -> pa.Array:
    import pyarrow as pa

    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _same_type(actual: pa.DataType, declared: pa.DataType) -> bool:
    """Compare types, but for how a list names its item field, which Parquet writers differ in."""
    import pyarrow as pa

    if pa.types.is_list(actual) and pa.types.is_list(declared):
        return _same_type(actual.value_type, declared.value_type)
    if pa.types.is_struct(actual) and pa.types.is_struct(declared):
        return [f.name for f in actual] == [f.name for f in declared] and all(
            _same_type(a.type, b.type) for a, b in zip(actual, declared, strict=True)
        )
    return bool(actual.equals(declared))
