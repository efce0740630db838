"""Times of a call on short and long text, measured under the same load."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

LEAST_S = 0.004
"""Shorter times are those of the clock."""


def best_times_s(call: Callable[[str], object], texts: Sequence[str]) -> list[float]:
    """Return the least of five times of processing for each text; they take turns."""
    best = [float("inf")] * len(texts)
    for _ in range(5):
        for index, text in enumerate(texts):
            started = time.process_time()
            call(text)
            best[index] = min(best[index], time.process_time() - started)
    return [max(LEAST_S, seconds) for seconds in best]
