"""Select, order and check the rows of stored tables."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ophvl.errors import SchemaError
from ophvl.stage import Scope, StageSpec

if TYPE_CHECKING:
    import pyarrow as pa

OUTCOME_TABLES = ("dropped", "warnings")
"""The tables that every stage adds to."""

UNIT_COLUMNS = ("video_id", "line_id", "unit")
"""The columns that `unit_column` may return."""


def unit_column(spec: StageSpec, table: str) -> str | None:
    """Return the column that names a row's unit; None for stages of the whole corpus.

    A line stage has two kinds of units: the lines, and the videos that they lead to.
    """
    from schemas.catalogue import TABLES

    if table in OUTCOME_TABLES:
        return "unit"
    if spec.scope is Scope.LINE:
        return TABLES[table].primary_key[0]
    return "video_id" if spec.scope is Scope.UNIT else None


def select_rows(rows: pa.Table, column: str, values: Iterable[str]) -> pa.Table:
    """Return the rows whose `column` holds one of `values`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    value_set = pa.array(sorted(values), pa.string())
    return rows.filter(pc.is_in(rows.column(column), value_set=value_set))


def exclude_rows(rows: pa.Table, column: str, values: Iterable[str]) -> pa.Table:
    """Return the rows whose `column` holds none of `values`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    value_set = pa.array(sorted(values), pa.string())
    return rows.filter(pc.invert(pc.is_in(rows.column(column), value_set=value_set)))


def sort_rows(rows: pa.Table, table: str) -> pa.Table:
    """Return `rows` sorted by the primary key of `table`."""
    from schemas.catalogue import TABLES

    return rows.sort_by([(key, "ascending") for key in TABLES[table].primary_key])


def require_schema(table: str, schema: pa.Schema, path: Path) -> None:
    """Check the schema of a stored file: that of this version, or one that lacks later columns alone.

    Raises:
        SchemaError: it does not fit.
    """
    from schemas.catalogue import TABLES

    spec = TABLES[table]
    violations = spec.check_shape(spec.of_this_version(schema.empty_table()))
    if violations:
        raise SchemaError(
            f"{path} does not fit the schema of '{table}'; continue with the version of ophvl that "
            "wrote it, or start another folder with --out",
            violations,
        )
