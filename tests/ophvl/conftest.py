"""What the tests of ophvl share: a folder of toy stages, pauses that take no time, web sites."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ophvl.run import unit_worker
from tests.ophvl.toy_folder import ToyFolder
from tests.web_site import Site, serving


@pytest.fixture
def toy(tmp_path: Path) -> ToyFolder:
    return ToyFolder(tmp_path)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between tries, in seconds, noted instead of waited for."""
    waited: list[float] = []
    monkeypatch.setattr(unit_worker.time, "sleep", waited.append)
    return waited


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    root = tmp_path / "site"
    root.mkdir()
    with serving(Site(root)) as served:
        yield served


@pytest.fixture
def other_site(tmp_path: Path) -> Iterator[Site]:
    """Another host, with nothing on it."""
    with serving(Site(tmp_path / "other", "127.0.0.2")) as served:
        yield served
