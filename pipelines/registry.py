"""The stages in the order in which they run, each with its module.

A declaration is read from its module only when a command needs it: listing names imports no stage.
"""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ophvl.config import Settings
    from ophvl.stage import StageSpec

MODULES = {
    "discover": "pipelines.stages.discover",
    "admit": "pipelines.stages.admit",
    "download": "pipelines.stages.download",
    "transcribe": "pipelines.stages.transcribe",
    "keep": "pipelines.stages.keep",
    "review": "pipelines.stages.review",
    "segment": "pipelines.stages.segment",
    "rewrite": "pipelines.stages.rewrite",
    "tag": "pipelines.stages.tag",
    "title": "pipelines.stages.title",
    "split": "pipelines.stages.split",
    "pair": "pipelines.stages.pair",
    "frames": "pipelines.stages.frames",
    "shard": "pipelines.stages.shard",
}
"""Stage to the module whose STAGE declares it."""

INGEST = ("discover", "keep")
"""First and last stage of `ophvl ingest`."""

BUILD_PAIRS = ("review", "shard")
"""First and last stage of `ophvl build-pairs`, which runs stage admit again before them."""


@functools.cache
def load_stages() -> tuple[StageSpec, ...]:
    """Import every stage and return the declarations in order."""
    return tuple(importlib.import_module(module).STAGE for module in MODULES.values())


def settings_classes() -> dict[str, type[Settings]]:
    """Return the settings class of every stage, in order: the sections of a config file."""
    return {stage.name: stage.settings for stage in load_stages()}
