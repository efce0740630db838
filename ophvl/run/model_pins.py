"""Pin the models of a dataset folder, so that another model never makes rows unnoticed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ophvl.atomic_io import write_text
from ophvl.errors import UsageError
from ophvl.faults import reading
from ophvl.lock import SETTINGS, mutex

if TYPE_CHECKING:
    from ophvl.run.bound_stage import BoundStage
    from ophvl.stage import ModelPort


def check_pins(
    root: Path, stages: Sequence[BoundStage], *, repin: bool, note: Callable[[str], None]
) -> None:
    """Pin the models of `stages` in `root/models.json` at first use; refuse others later.

    Of jobs that start at the same time, the first that has read its weights pins its models.

    Args:
        repin: take the present models in place of the pinned ones.
        note: called with which model each port uses, and why.

    Raises:
        UsageError: a stage would now use another model than the folder's rows were made with.
    """
    revisions: dict[str, str] = {}
    for stage in stages:
        for name in stage.spec.pinned:
            port = cast("ModelPort", stage.ports[name])
            note(port.note)
            revisions[f"{stage.spec.name}.{name}"] = port.revision  # Slow: it reads the weights.
    path = root / "models.json"
    with mutex(root, SETTINGS, note):
        pinned: dict[str, str] = {}
        if path.exists():
            with reading(path, "delete it: the present models are then pinned"):
                pinned = dict(json.loads(path.read_text(encoding="utf-8")))
        for key, revision in revisions.items():
            if pinned.get(key, revision) != revision and not repin:
                stage_name = key.partition(".")[0]
                raise UsageError(
                    f"{root} was made with {key} = {pinned[key]}, but {revision} would be used "
                    f"now. Choose the former (--set {stage_name}.model=...), or accept the new "
                    f"one, which redoes stage {stage_name}, with --repin"
                )
        if pinned | revisions != pinned:
            write_text(path, json.dumps(pinned | revisions, indent=2, sort_keys=True) + "\n")
