"""The models that a dataset folder holds on to, so that no row is made by another model unnoticed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ophvl.atomic import write_text
from ophvl.errors import UsageError

if TYPE_CHECKING:
    from ophvl.stage import ModelPort
    from ophvl.unit_chain import OpenStage


def check_pins(
    root: Path, stages: Sequence[OpenStage], *, repin: bool, note: Callable[[str], None]
) -> None:
    """Pin the models of `stages` in `root/models.json` at first use; refuse others later.

    Args:
        repin: take the present models in place of the pinned ones.
        note: told which model each port uses, and why.

    Raises:
        UsageError: a stage would now use another model than the folder's rows were made with.
    """
    path = root / "models.json"
    pinned: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    found = dict(pinned)
    for stage in stages:
        for name in stage.spec.pinned:
            port = cast("ModelPort", stage.ports[name])
            key = f"{stage.spec.name}.{name}"
            note(port.note)
            if pinned.get(key, port.revision) != port.revision and not repin:
                raise UsageError(
                    f"{root} was made with {key} = {pinned[key]}, but {port.revision} would be used "
                    f"now. Choose the former (--set {stage.spec.name}.model=...), or accept the new "
                    f"one, which redoes stage {stage.spec.name}, with --repin"
                )
            found[key] = port.revision
    if found != pinned:
        write_text(path, json.dumps(found, indent=2, sort_keys=True) + "\n")
