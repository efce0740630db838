"""What the tests of ophvl share: web sites."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web_site import Site, serving


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
