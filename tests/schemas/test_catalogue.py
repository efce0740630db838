"""Every table: its columns have a meaning, and a full valid row passes its checks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import get_args

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.base import TableSpec
from schemas.catalogue import TABLES
from schemas.columns import Column, column_names, columns_of
from schemas.guards import GUARDS
from schemas.pairs import PAIRS, PairRow
from schemas.shards import SHARDS, ShardRow
from schemas.transcripts import TranscriptRow
from tests.factories import ROWS, table

every_table = pytest.mark.parametrize("spec", TABLES.values(), ids=TABLES)


def test_there_is_a_factory_for_every_table() -> None:
    assert set(ROWS) == set(TABLES)


@every_table
def test_full_rows_pass(spec: TableSpec) -> None:
    rows = [ROWS[spec.name](n) for n in (1, 2)]
    assert spec.check(spec.table(rows)) == []


@every_table
def test_an_empty_table_passes(spec: TableSpec) -> None:
    assert spec.check(spec.empty()) == []


@every_table
def test_tables_survive_parquet_and_ipc(spec: TableSpec, tmp_path: Path) -> None:
    rows = table(spec.name, ROWS[spec.name](1))
    pq.write_table(rows, tmp_path / "t.parquet")
    back = pq.read_table(tmp_path / "t.parquet")
    assert spec.check(back) == []
    assert back.to_pylist() == rows.to_pylist()


@every_table
def test_keys_and_foreign_keys_name_columns_that_exist(spec: TableSpec) -> None:
    names = spec.arrow.names
    assert len(names) == len(set(names))
    assert set(spec.primary_key) <= set(names)
    assert {rule.column for rule in spec.rules} <= set(names)
    for key in spec.foreign_keys:
        assert key.column in names
        parent = TABLES[key.parent]
        assert parent.primary_key == (key.parent_column,)


@every_table
def test_every_column_says_what_it_means(spec: TableSpec) -> None:
    for column in all_columns(spec.row):
        assert column.meaning.strip()
        if column.name.endswith("_s"):
            assert column.unit == "s", column.name


def all_columns(row: type) -> Iterator[Column]:
    """The columns of a row class, with those of the structs in them."""
    for column in columns_of(row):
        yield column
        for item in get_args(column.value_type):
            if is_dataclass(item):
                yield from all_columns(item)


@every_table
def test_a_row_class_says_what_a_row_is(spec: TableSpec) -> None:
    # Without a docstring, a dataclass gets its signature as one.
    assert not (spec.row.__doc__ or "").startswith(f"{spec.row.__name__}(")


@every_table
def test_every_required_column_refuses_null(spec: TableSpec) -> None:
    for column in spec.columns:
        rows = spec.table([ROWS[spec.name](1, **{column.attribute: None})])
        broken = {v.column for v in spec.check(rows) if v.rule == "null"}
        assert broken == (set() if column.nullable else {column.name})


def test_a_shard_row_without_its_frames_is_a_pair() -> None:
    assert set(column_names(ShardRow)) == {*column_names(PairRow), "frames"}
    assert SHARDS.version == PAIRS.version


def test_every_guard_is_a_flag_of_transcripts() -> None:
    assert tuple(n for n in column_names(TranscriptRow) if n.startswith("is_")) == GUARDS


def test_an_older_parquet_file_is_told_by_its_version(tmp_path: Path) -> None:
    spec = TABLES["splits"]
    old = spec.table([ROWS["splits"](1)]).replace_schema_metadata({"ophvl.version": "0"})
    (violation,) = spec.check(old)
    assert (violation.rule, violation.examples) == ("wrong version", ("0",))
    assert pa.schema(spec.arrow).metadata[b"ophvl.version"] == b"1"


@every_table
def test_a_column_that_came_later_may_be_null(spec: TableSpec) -> None:
    later = [column for column in spec.columns if column.since > 1]
    assert all(column.nullable and column.since <= spec.version for column in later)
