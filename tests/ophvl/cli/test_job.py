"""Options of commands that run stages, before anything is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from ophvl.cli.job import Job
from ophvl.errors import UsageError


@pytest.mark.parametrize(
    ("engine", "address", "said"),
    [
        ("local", "auto", "--address auto names a Ray cluster; add --engine ray"),
        ("ray", "127.0.0.1:9", "there is no Ray cluster to join at 127.0.0.1:9: "),
        ("ray", "ray://127.0.0.1:9", "there is no Ray cluster to join at ray://127.0.0.1:9: "),
    ],
)
def test_an_address_is_judged_first(tmp_path: Path, engine: str, address: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        Job(out=tmp_path).options(1, engine=engine, address=address)
    assert str(caught.value).startswith(said)
    assert Job(out=tmp_path).options(1, engine=engine, address=None).address is None
