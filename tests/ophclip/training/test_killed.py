"""A run that is killed in the middle of an epoch goes on as if it had not been."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

from safetensors.torch import load_file

from ophclip.model import weights
from tests.ophclip.shard_factory import write_dataset

RUN = """
import sys
from pathlib import Path
from ophclip.training.loop import train
from tests.ophclip.shard_factory import small_config
data, run, resume = sys.argv[1:]
config = small_config(
    "train.max_steps=24", "train.checkpoint_every=5", "train.log_every=1", "train.ema_decay=0.9",
    "data.cache_mb=0", "loss.carry_weight=0.5", "carry.windows=4", "data.chunk=3",
)
train(config, shards_folder=Path(data), run=Path(run), preset="tiny", resume=resume == "resume")
"""


def start(data, run, how):
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(data), str(run), how], stdout=subprocess.DEVNULL
    )


def steps(run):
    path = run / "metrics.jsonl"
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").rpartition("\n")[0].splitlines()
    return [(entry["step"], entry["loss"]) for entry in map(json.loads, lines)]


def test_kill_and_resume_is_exact(tmp_path):
    data = write_dataset(tmp_path / "data")
    whole = start(data, tmp_path / "whole", "anew")
    killed = start(data, tmp_path / "killed", "anew")
    deadline = time.monotonic() + 200
    while len(steps(tmp_path / "killed")) < 8:
        assert killed.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    reached = len(steps(tmp_path / "killed"))
    assert reached < 24
    assert weights.checkpoints(tmp_path / "killed")
    assert start(data, tmp_path / "killed", "resume").wait(timeout=200) == 0
    assert whole.wait(timeout=200) == 0
    assert steps(tmp_path / "killed") == steps(tmp_path / "whole")
    first, second = (weights.find(tmp_path / name) for name in ("whole", "killed"))
    for name in ("model.safetensors", "training.safetensors"):
        one, other = load_file(first / name), load_file(second / name)
        assert one.keys() == other.keys()
        assert all((one[key] == other[key]).all() for key in one)
