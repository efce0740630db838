"""The interface through which the runner reports its progress."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ophvl.run.unit_worker import UnitReport


class Reporter(Protocol):
    """Callbacks for the progress of a run; the runner itself prints nothing.

    A run calls `started` for each group of stages, then `advanced` once for each unit, then `ended`. `note`
    may come at any time.
    """

    def note(self, text: str) -> None:
        """Show a message to the user, such as which model was chosen and why."""

    def started(self, stages: Sequence[str], total: int) -> None:
        """Begin the display of a group of stages, which has `total` units."""

    def advanced(self, report: UnitReport) -> None:
        """Count one unit that has passed the group, or has stopped in it."""

    def ended(self) -> None:
        """End the display of the group."""
