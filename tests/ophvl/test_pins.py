"""A folder holds on to its models."""

from __future__ import annotations

import json

import pytest

from ophvl.errors import UsageError
from tests.ophvl.toy_folder import ToyFolder


def test_another_model_is_refused_unless_repinned(toy: ToyFolder) -> None:
    toy.videos("a")
    heard = toy.run(model="m1")
    assert heard.notes == ["model m1, the best in reach"]
    pins = toy.root / "models.json"
    assert json.loads(pins.read_text()) == {"fetch.tool": "m1"}
    toy.calls()
    with pytest.raises(UsageError, match=r"fetch\.tool = m1, but m2 .*--repin"):
        toy.run(["fetch"], model="m2")
    assert toy.calls() == []
    assert toy.column("media", "tool") == ["m1"]
    toy.run(["fetch"], model="m2", repin=True)
    assert json.loads(pins.read_text()) == {"fetch.tool": "m2"}
    assert toy.column("media", "tool") == ["m2"]


def test_stages_without_models_do_not_ask(toy: ToyFolder) -> None:
    toy.videos("a")
    toy.run(["list"], model="m1")
    assert not (toy.root / "models.json").exists()
    toy.run()
    assert toy.run(["name"], model="m2").notes == []
