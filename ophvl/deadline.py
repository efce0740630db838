"""A bound in time for a call that has none of its own, such as a request to a server that drips bytes."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


class DeadlineError(Exception):
    """A call did not end in time."""


class _Abandoned(SystemExit):
    """Ends a thread that nobody waits for; threads end with a `SystemExit` silently."""


def within(limit_s: float, call: Callable[[], Value]) -> Value:
    """Return what `call` returns, if it does so in time.

    The timeout of a socket holds for each byte, so that a server that sends one now and then is never too
    slow for it. A call that takes too long is left in a thread that does not keep the process alive. It ends
    there at its next step, the next byte or the timeout of its socket, so that no sockets pile up.

    Raises:
        DeadlineError: it did not.
    """
    results: list[Value] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as err:  # noqa: BLE001  (it belongs to the caller, whatever it is)
            errors.append(err)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(limit_s)
    if errors:
        raise errors[0]
    if results:
        return results[0]
    if thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident), ctypes.py_object(_Abandoned)
        )
    raise DeadlineError(f"it did not end in {limit_s:g} s")
