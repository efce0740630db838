"""What a run tells goes to the file, to TensorBoard and, where a project is named, to Weights & Biases."""

from __future__ import annotations

import json
import sys

import pytest
import wandb

from ophclip.errors import ConfigError
from ophclip.training import run_log
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


def test_lines_come_every_so_often_and_at_the_end_with_the_latest_of_each_level(tmp_path, capsys):
    with RunLog(tmp_path, start=0, total=5, log_every=3, wandb="") as log:
        for step, level in enumerate(("clip", "video", "clip", "clip", "clip")):
            log.step(step, level, {"loss": float(step), "lr": 0.5})
    said = [line.split("  ")[:2] for line in capsys.readouterr().out.splitlines()]
    assert said == [
        ["step 3/5", "loss clip 2.000, video 1.000"],
        ["step 5/5", "loss clip 4.000, video 1.000"],
    ]


def test_a_resumed_run_drops_the_lines_of_steps_done_again_and_a_line_cut_short(tmp_path):
    text = "".join(f'{{"step": {step}}}\n' for step in range(4))
    (tmp_path / METRICS).write_text(f'{text}{{"step": 4, "lev', encoding="utf-8")
    with RunLog(tmp_path, start=2, total=4, log_every=9, wandb="") as log:
        log.step(2, "video", {"loss": 1.0, "lr": 0.5})
    lines = (tmp_path / METRICS).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["step"] for line in lines] == [0, 1, 2]


def test_the_time_that_is_left_goes_by_the_steps_of_this_start(tmp_path, capsys, monkeypatch):
    now = iter([100.0, 130.0])  # As it begins, and as the line is written.
    monkeypatch.setattr(run_log.time, "monotonic", lambda: next(now))
    with RunLog(tmp_path, start=4, total=10, log_every=6, wandb="") as log:
        log.step(4, "clip", {"loss": 1.0, "lr": 0.5})
        log.step(5, "clip", {"loss": 1.0, "lr": 0.5})
    assert capsys.readouterr().out.split("  ")[-1].strip() == "30 s, 60 s left"
