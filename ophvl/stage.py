"""What a stage is: a function from tables to tables, and the declaration that lets the runner call it.

A stage is pure given its ports (the tools it may use): it never prints, never edits its input, never
reads global state, and knows nothing of files, ledgers or workers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from schemas.vocab import DropReason, Pool

if TYPE_CHECKING:
    import pyarrow as pa


class Scope(StrEnum):
    """What a stage is called with, one call at a time."""

    LINE = "line"
    """One line of a source list."""
    UNIT = "unit"
    """The rows of one source video."""
    CORPUS = "corpus"
    """Whole tables: only small columns are read."""
    EXPORT = "export"
    """A reader of tables and an empty folder to fill: tables too large to hold at once."""


@dataclass(frozen=True, kw_only=True)
class StageSpec:
    """Declaration of a stage. All strings, so that listing the stages imports none of them.

    `reads` names, for each input table, the columns that the stage looks at: nothing else is passed to
    it, and only these decide whether it must run again. `ports` maps a parameter to the
    `module:function` that opens it, called with the stage's config and the dataset folder.
    Raise `version` when the stage's output changes for the same input.
    """

    name: str
    version: int
    scope: Scope
    entry: str
    help: str
    reads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    writes: tuple[str, ...] = ()
    ports: Mapping[str, str] = field(default_factory=dict)
    pinned: tuple[str, ...] = ()
    """Ports whose revision a dataset folder holds on to: the models that made its rows."""
    pool: Pool = Pool.CPU
    previous: tuple[str, ...] = ()
    """Tables, its own or those of later stages, that the stage also gets as the last run left them for this
    unit. They do not decide whether it runs again."""


@dataclass(frozen=True, kw_only=True)
class Drop:
    """A decision against a row. When `row_id` is the unit itself, the unit goes no further."""

    row_id: str
    reason: DropReason
    message: str


@dataclass(frozen=True, kw_only=True)
class StageResult:
    """What a stage hands back: rows for the tables it writes, and what it decided out."""

    tables: Mapping[str, pa.Table]
    dropped: tuple[Drop, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SourceLine:
    """One line of a source list.

    `target` is what the line stands for: a canonical URL or an absolute path, equal for lines that
    mean the same. `stamp` changes when the file or folder behind the line changes.
    """

    line_id: str
    list_path: str
    number: int
    text: str
    target: str
    is_url: bool
    stamp: str


class Port(Protocol):
    """A tool handed to a stage, opened by a function of the stage's config and the dataset folder.

    Opening is cheap: what is heavy loads at first use. `revision` changes when the tool's results may
    change, e.g. the hash of a model's weights.
    """

    @property
    def revision(self) -> str: ...


class ModelPort(Port, Protocol):
    """A port whose model was chosen among several; `note` says which one, and why."""

    @property
    def note(self) -> str: ...
