"""A dataset folder for two stages."""

from __future__ import annotations

from pathlib import Path

import pytest

from ophvl.dataset.store import Store
from tests.ophvl.dataset.results import STAGES


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "out", STAGES)
