"""The models that a dataset folder holds on to, so that no row is made by another model unnoticed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ophvl.atomic_io import write_text
from ophvl.errors import UsageError
from ophvl.lock import SETTINGS, turn

if TYPE_CHECKING:
    from ophvl.run.unit_worker import OpenStage
    from ophvl.stage import ModelPort


def check_pins(
    root: Path, stages: Sequence[OpenStage], *, repin: bool, note: Callable[[str], None]
) -> None:
    """Pin the models of `stages` in `root/models.json` at first use; refuse others later.

    Of jobs that start at once, the first that knows its models pins them.

    Args:
        repin: take the present models in place of the pinned ones.
        note: told which model each port uses, and why.

    Raises:
        UsageError: a stage would now use another model than the folder's rows were made with.
    """
    found: dict[str, str] = {}
    for stage in stages:
        for name in stage.spec.pinned:
            port = cast("ModelPort", stage.ports[name])
            note(port.note)
            found[f"{stage.spec.name}.{name}"] = port.revision  # Weights are read: that takes long.
    path = root / "models.json"
    with turn(root, SETTINGS, note):
        pinned: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        for key, revision in found.items():
            if pinned.get(key, revision) != revision and not repin:
                stage_name = key.partition(".")[0]
                raise UsageError(
                    f"{root} was made with {key} = {pinned[key]}, but {revision} would be used "
                    f"now. Choose the former (--set {stage_name}.model=...), or accept the new "
                    f"one, which redoes stage {stage_name}, with --repin"
                )
        if pinned | found != pinned:
            write_text(path, json.dumps(pinned | found, indent=2, sort_keys=True) + "\n")
