"""What a run tells goes to the file, to TensorBoard and, where a project is named, to Weights & Biases."""

from __future__ import annotations

import json
import sys

import pytest
import wandb

from ophclip.errors import ConfigError
from ophclip.training.run_log import METRICS, RunLog


def test_weights_and_biases_gets_the_figures(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    logged = []
    plain = wandb.Run.log
    monkeypatch.setattr(wandb.Run, "log", lambda run, data: logged.append(data) or plain(run, data))
    run = tmp_path / "20261123-tiny"
    run.mkdir()
    with RunLog(run, start=0, total=2, log_every=1, wandb="ophvl-tests") as log:
        log.step(0, "clip", {"loss": 2.0, "lr": 0.1})
        log.step(1, "video", {"loss": 1.0, "lr": 0.1})
    assert logged[0] == {"clip/loss": 2.0, "clip/lr": 0.1, "step": 0}
    assert list((run / "wandb").glob("offline-run-*-20261123-tiny"))
    lines = (run / METRICS).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["level"] for line in lines] == ["clip", "video"]


def test_without_the_package_the_mend_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ConfigError, match="pip install wandb"):
        RunLog(tmp_path, start=0, total=1, log_every=1, wandb="ophvl-tests")
