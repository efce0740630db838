"""What a check of the machine says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"
    """Good to know: everything works, but more slowly, with smaller models, or not for every site."""
    PROBLEM = "problem"
    """One of the commands ingest, build-pairs, stats or train cannot do its work."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the report: what was found, and how it is mended (empty where all is well).

    `found` and `mend` may hold words of other programs: clean them before they reach a terminal.
    """

    name: str
    state: State
    found: str
    mend: str = ""

    def __post_init__(self) -> None:
        if self.state is not State.OK and not self.mend:
            raise ValueError(f"{self.name}: {self.found}, and no mend is named")
