"""Stages that are ready to be called: with their settings and ports."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ophvl.dataset.ledger import fingerprint
from ophvl.errors import ItemError
from ophvl.stage import Port, StageResult, StageSpec
from schemas.vocab import TRANSIENT

if TYPE_CHECKING:
    from ophvl.config import Settings

TRIES = 3
"""How often a transient failure is tried within one run."""

PAUSE_S = 2.0
"""Wait before the second try; doubled before each further one."""

LONGEST_PAUSE_S = 60.0
"""A failure that requests a longer wait is recorded at once: the next run tries again."""


@dataclass(frozen=True, kw_only=True)
class BoundStage:
    """A stage with its config and the dataset folder: everything that a call needs."""

    spec: StageSpec
    config: Settings
    folder: Path

    @cached_property
    def ports(self) -> dict[str, Port]:
        """The tools of the stage, opened at first use."""
        return {
            name: cast(Port, load_function(entry)(self.config, self.folder))
            for name, entry in self.spec.ports.items()
        }

    def fingerprint(self, inputs: object) -> str:
        """Return the fingerprint of a call on `inputs`, as `ophvl.dataset.ledger.fingerprint` takes them."""
        revisions = {name: port.revision for name, port in self.ports.items()}
        return fingerprint(self.spec, self.config, revisions, inputs)

    def call(self, *args: object, **inputs: object) -> StageResult:
        """Call the stage's function with its config and ports."""
        return self.spec.run(*args, **inputs, config=self.config, **self.ports)


def load_function(entry: str) -> Callable[..., object]:
    """Import the function that `module:function` names."""
    module, _, name = entry.partition(":")
    return cast(Callable[..., object], getattr(importlib.import_module(module), name))


def with_retries(call: Callable[[], StageResult]) -> StageResult:
    """Repeat `call` after a pause when its failure is transient."""
    for attempt in range(1, TRIES):
        try:
            return call()
        except ItemError as err:
            requested_s = err.retry_after_s or 0.0
            if err.kind not in TRANSIENT or requested_s > LONGEST_PAUSE_S:
                raise
            time.sleep(max(requested_s, PAUSE_S * 2 ** (attempt - 1)))
    return call()
