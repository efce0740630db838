"""What the tests of the core share: a folder of toy stages, and pauses that take no time."""

from __future__ import annotations

from pathlib import Path

import pytest

from ophvl import unit_chain
from tests.ophvl.toy_folder import ToyFolder


@pytest.fixture
def toy(tmp_path: Path) -> ToyFolder:
    return ToyFolder(tmp_path)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between tries, in seconds, noted instead of waited for."""
    waited: list[float] = []
    monkeypatch.setattr(unit_chain.time, "sleep", waited.append)
    return waited
