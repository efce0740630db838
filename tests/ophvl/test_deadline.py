"""A call has a bound in time, and one that is given up ends."""

from __future__ import annotations

import threading
import time

import pytest

from ophvl.deadline import DeadlineError, within


def test_what_a_call_returns_or_raises_comes_from_the_thread() -> None:
    assert within(5.0, lambda: 7) == 7
    with pytest.raises(KeyError):
        within(5.0, lambda: {}["a"])


def test_a_call_that_is_given_up_ends_at_its_next_step() -> None:
    before = threading.active_count()

    def drip() -> None:
        while True:
            time.sleep(0.02)

    with pytest.raises(DeadlineError, match=r"did not end in 0\.1 s"):
        within(0.1, drip)
    until = time.monotonic() + 5.0
    while threading.active_count() > before and time.monotonic() < until:
        time.sleep(0.02)
    assert threading.active_count() == before
