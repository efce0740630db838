"""Say in words that a command was stopped from outside, by Ctrl-C or by a cluster whose time is up."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

TERMINATED = 128 + signal.SIGTERM
"""Exit code of a command that SIGTERM ended. Ctrl-C ends one with 128 + SIGINT, which is typer's doing."""


def end_on_sigterm() -> None:
    """Let SIGTERM end the process like Ctrl-C, so that a run gives its locks back."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))


@contextmanager
def told_when_stopped() -> Iterator[None]:
    """For a command that goes on where it was: tell so when it is stopped inside."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit) as stop:
        if isinstance(stop, KeyboardInterrupt) or stop.code == TERMINATED:
            typer.echo("stopped; what is finished is kept, and the same command goes on", err=True)
        raise
