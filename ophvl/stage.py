"""What a stage is: a function from tables to tables, and the declaration that lets the runner call it.

A stage is pure given its ports (the tools it may use): it never prints, never edits its input, never
reads global state, and knows nothing of files, ledgers or workers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from schemas.vocab import DropReason, Pool, WarningKind

if TYPE_CHECKING:
    import pyarrow as pa

    from ophvl.config import Settings


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
    """Declaration of a stage: its name, its function, and all that the runner needs to call it."""

    name: str
    version: int
    """Raise it when the stage's output changes for the same input."""
    scope: Scope
    run: Callable[..., StageResult]
    """Gets the rows of the tables in `reads` in their order, and by name: `config` (the stage's settings)
    and the ports; `previous`, if there is any, comes after the tables."""
    settings: type[Settings]
    help: str
    reads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Input table to the columns that the stage gets. A change in other columns does not run it again."""
    writes: tuple[str, ...] = ()
    """Tables that the stage returns rows for."""
    ports: Mapping[str, str] = field(default_factory=dict)
    """Parameter to the `module:function` that opens its tool from the stage's settings and the dataset
    folder. A name, so that a tool's module is imported only where it is used."""
    pinned: tuple[str, ...] = ()
    """Ports whose revision must not change within a dataset folder: the models that produced its rows."""
    pool: Pool = Pool.CPU
    """Workers that run the stage."""
    previous: tuple[str, ...] = ()
    """Tables, its own or those of later stages, whose rows from the last run the stage also gets. A change
    in them does not run it again."""


@dataclass(frozen=True, kw_only=True)
class Drop:
    """A decision against a row. A drop whose `row_id` is the unit itself ends the unit."""

    row_id: str
    reason: DropReason
    message: str


@dataclass(frozen=True, kw_only=True)
class StageWarning:
    """A loss that the unit survives. `item` is what it is about: the unit, or a file beside it."""

    kind: WarningKind
    item: str
    message: str


@dataclass(frozen=True, kw_only=True)
class StageResult:
    """The result of a stage: rows for the tables that it writes, drops and warnings."""

    tables: Mapping[str, pa.Table]
    dropped: tuple[Drop, ...] = ()
    warnings: tuple[StageWarning, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SourceLine:
    """One line of a source list.

    `target` is the canonical URL or the absolute path that the line names; lines that mean the same have the
    same target. `stamp` changes when the file or folder behind the line changes.
    """

    line_id: str
    list_path: str
    number: int
    text: str
    target: str
    is_url: bool
    stamp: str


class Port(Protocol):
    """A tool of a stage, opened by a function of the stage's settings and the dataset folder.

    Opening is cheap: heavy parts load at first use.
    """

    @property
    def revision(self) -> str:
        """The version of the tool's results, e.g. the hash of a model's weights."""
        ...


class ModelPort(Port, Protocol):
    """A port whose model was chosen among several."""

    @property
    def note(self) -> str:
        """Which model was chosen, and why."""
        ...
