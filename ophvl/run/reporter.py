"""Who is told how a run goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ophvl.run.unit_worker import UnitReport


class Reporter(Protocol):
    """Is told how a run goes; the runner prints nothing itself."""

    def note(self, text: str) -> None:
        """Something the user should know, such as which model was chosen and why."""

    def started(self, stages: Sequence[str], total: int) -> None:
        """A group of stages begins, on `total` units."""

    def advanced(self, report: UnitReport) -> None:
        """One unit is through the group, or has stopped in it."""

    def ended(self) -> None:
        """The group is through."""
