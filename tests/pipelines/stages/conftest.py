"""A stage under test gets the columns that it declares, as in a run, and writes the tables that it does."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import pyarrow as pa
import pytest

from ophvl.stage import Scope, StageSpec
from pipelines.registry import load_stages


@pytest.fixture(autouse=True)
def as_declared(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold the stages that this test module calls to their declarations."""
    for stage in load_stages():
        if getattr(request.module, stage.name, None) is stage.run:
            monkeypatch.setattr(request.module, stage.name, _held(stage))


def _held(stage: StageSpec) -> Any:
    signature = inspect.signature(stage.run)

    @functools.wraps(stage.run)
    def run(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        for name, value in bound.arguments.items():
            if isinstance(value, pa.Table) and name in stage.reads:
                bound.arguments[name] = value.select(list(stage.reads[name]))
        result = stage.run(*bound.args, **bound.kwargs)
        by_the_run = {"sources", "line_videos"} if stage.scope is Scope.LINE else set()
        assert set(result.tables) == set(stage.writes) - by_the_run
        return result

    return run
