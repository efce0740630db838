"""A stage under test gets the columns that it declares, as in a run, and no others."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import pyarrow as pa
import pytest

from ophvl.stage import StageSpec
from pipelines.registry import load_stages


@pytest.fixture(autouse=True)
def declared_columns_only(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Narrow the tables that the stages of this test module are called with."""
    for stage in load_stages():
        if getattr(request.module, stage.name, None) is stage.run:
            monkeypatch.setattr(request.module, stage.name, _narrowed(stage))


def _narrowed(stage: StageSpec) -> Any:
    signature = inspect.signature(stage.run)

    @functools.wraps(stage.run)
    def run(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        for name, value in bound.arguments.items():
            if isinstance(value, pa.Table) and name in stage.reads:
                bound.arguments[name] = value.select(list(stage.reads[name]))
        return stage.run(*bound.args, **bound.kwargs)

    return run
