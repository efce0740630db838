"""Print a message when a command is stopped from outside: by Ctrl-C or by the SIGTERM of a cluster."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

TERMINATED = 128 + signal.SIGTERM
"""Exit code of a command that SIGTERM ended. After Ctrl-C it is 128 + SIGINT, which typer sets."""


def end_on_sigterm() -> None:
    """Let SIGTERM end the process like Ctrl-C, so that a run releases its locks."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))


@contextmanager
def message_when_stopped() -> Iterator[None]:
    """Print how to continue when the block is stopped; for commands that continue where they were."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit) as stop:
        if isinstance(stop, KeyboardInterrupt) or stop.code == TERMINATED:
            typer.echo("stopped; finished work is saved, and the same command continues", err=True)
        raise
