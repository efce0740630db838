"""A folder holds on to its models."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ophvl.errors import UsageError
from ophvl.run.model_pins import check_pins
from tests.ophvl.toy_folder import ToyFolder


def test_another_model_is_refused_unless_repinned(toy: ToyFolder) -> None:
    toy.videos("a")
    reporter = toy.run(model="m1")
    assert reporter.notes == ["model m1, the best in reach"]
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


def test_of_jobs_that_start_at_once_one_pins_its_model(tmp_path: Path) -> None:
    both_read = threading.Barrier(2)
    ended: list[str] = []

    class Weights:
        note = "its weights are read"

        def __init__(self, name: str) -> None:
            self._name = name

        @property
        def revision(self) -> str:
            both_read.wait(10)
            return self._name

    def start(name: str) -> None:
        spec = SimpleNamespace(name="transcribe", pinned=("recogniser",))
        stage: Any = SimpleNamespace(spec=spec, ports={"recogniser": Weights(name)})
        try:
            check_pins(tmp_path, [stage], repin=False, note=lambda text: None)
            ended.append(name)
        except UsageError as err:
            ended.append(str(err))

    jobs = [threading.Thread(target=start, args=(name,)) for name in ("large", "base")]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    pins = json.loads((tmp_path / "models.json").read_text())
    kept, refusal = sorted(ended, key=len)
    assert pins == {"transcribe.recogniser": kept}
    assert f"transcribe.recogniser = {kept}, but" in refusal
