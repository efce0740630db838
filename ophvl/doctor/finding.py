"""The result of a check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FindingState(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"
    """Everything works, but more slowly, with smaller models, or not for every site."""
    PROBLEM = "problem"
    """One of the commands ingest, build-pairs, stats or train cannot do its work."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the report: what was found, and how to fix it (empty if nothing is wrong).

    `found` and `mend` may hold output of other programs: escape it before it reaches a terminal.
    """

    name: str
    state: FindingState
    found: str
    mend: str = ""

    def __post_init__(self) -> None:
        if self.state is not FindingState.OK and not self.mend:
            raise ValueError(f"{self.name}: {self.found}, but no fix is given")
