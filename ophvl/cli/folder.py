"""Open the dataset folder that a command works on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ophvl.dataset.store import Store


def print_message(text: str) -> None:
    """Print a message to standard error."""
    typer.echo(text, err=True)


def open_store(out: Path, *, must_exist: bool = True) -> Store:
    """Open the dataset folder `out`; bring one of an earlier version to the form of this one.

    Raises:
        UsageError: there is no dataset and one must exist, or it cannot be brought to that form.
    """
    from ophvl.dataset.store import Store
    from pipelines.registry import load_stages

    store = Store(Path(os.path.realpath(out)), load_stages())
    if must_exist:
        store.require()
    store.upgrade(print_message)
    return store
