"""How many times as long a call takes on a longer text, whatever else this machine does."""

from __future__ import annotations

import time
from collections.abc import Callable

LEAST_S = 0.004
"""Shorter times are those of the clock."""


def least_factor(call: Callable[[str], object], short: str, long: str) -> float:
    """Return the least of up to eight factors of processing time; other load can only raise one.

    It ends early at a factor that is that of the lengths, or less.
    """
    least = float("inf")
    for _ in range(8):
        factor = _seconds(call, long) / max(LEAST_S, min(_seconds(call, short) for _ in range(2)))
        least = min(least, factor)
        if least <= len(long) / len(short):
            break
    return least


def _seconds(call: Callable[[str], object], text: str) -> float:
    started = time.process_time()
    call(text)
    return time.process_time() - started
