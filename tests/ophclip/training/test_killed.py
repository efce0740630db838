"""A run that is killed in the middle of an epoch goes on as if it had not been."""

from __future__ import annotations

import json
import time

from safetensors.torch import load_file

from ophclip.model import weights
from tests.commands import Command
from tests.ophclip.shard_factory import write_dataset

SETTINGS = (
    "train.max_steps=24", "train.checkpoint_every=5", "train.log_every=1", "train.ema_decay=0.9",
    "data.cache_mb=0", "loss.carry_weight=0.5", "carry.windows=4", "data.chunk=3",
)  # fmt: skip


def start(data, run, how):
    return Command("tests.ophclip.training.train", data, run, how, *SETTINGS)


def steps(run):
    path = run / "metrics.jsonl"
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").rpartition("\n")[0].splitlines()
    return [(entry["step"], entry["loss"]) for entry in map(json.loads, lines)]


def test_kill_and_resume_is_exact(tmp_path):
    data = write_dataset(tmp_path / "data")
    whole = start(data, tmp_path / "whole", "new")
    killed = start(data, tmp_path / "killed", "new")
    deadline = time.monotonic() + 200
    while len(steps(tmp_path / "killed")) < 8:
        assert killed.is_running
        assert time.monotonic() < deadline
        time.sleep(0.01)
    killed.kill()
    reached = len(steps(tmp_path / "killed"))
    assert reached < 24
    assert weights.checkpoints(tmp_path / "killed")
    assert start(data, tmp_path / "killed", "resume").end().returncode == 0
    assert whole.end().returncode == 0
    assert steps(tmp_path / "killed") == steps(tmp_path / "whole")
    first, second = (weights.find(tmp_path / name) for name in ("whole", "killed"))
    for name in ("model.safetensors", "training.safetensors"):
        one, other = load_file(first / name), load_file(second / name)
        assert one.keys() == other.keys()
        assert all((one[key] == other[key]).all() for key in one)
