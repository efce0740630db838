"""Stops a run that no longer learns: its loss is not finite, or far above that of guessing."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence

from ophclip.data.shards import Sample
from ophclip.errors import TrainingError

WINDOW = 50
"""Steps of a level whose mean loss is judged."""


class DivergenceCheck:
    """Checks the loss terms of every step.

    Guessing among B items costs log B. A model that is surely wrong costs more, and does not recover.
    """

    def __init__(self, stop_above: float) -> None:
        self._stop_above = stop_above
        self._recent: dict[str, deque[float]] = {}

    def check(
        self, step: int, level: str, losses: Mapping[str, float], rows: Sequence[Sample]
    ) -> None:
        """Check one step before the weights change.

        Args:
            losses: the weighted loss terms by name; the one named as the level is its main one.

        Raises:
            TrainingError: a term is not finite, or the main one has been too high for `WINDOW` steps.
        """
        terms = ", ".join(f"{name} {value:.3g}" for name, value in losses.items())
        pairs = ", ".join(row.pair_id for row in rows[:5])
        if not math.isfinite(sum(losses.values())):
            raise TrainingError(
                f"the loss is not finite at step {step} ({level} level: {terms}; first pairs {pairs}). "
                "Nothing of this step was saved. Lower optim.lr or raise optim.warmup_steps, and train again"
            )
        recent = self._recent.setdefault(level, deque(maxlen=WINDOW))
        recent.append(losses[level] / math.log(max(len(rows), 2)))
        mean = sum(recent) / len(recent)
        if self._stop_above and len(recent) == WINDOW and mean > self._stop_above:
            raise TrainingError(
                f"the run has diverged: over the last {WINDOW} {level} steps before step {step} the loss "
                f"was {mean:.1f} times that of guessing. Lower optim.lr and train again, or set "
                "train.stop_above to 0 to go on regardless"
            )
