"""One trained run for all tests that use a result."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from ophclip.training.loop import train
from tests.ophclip.shard_factory import small_config, write_dataset


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A dataset and a run that was trained on it."""

    data: Path
    runs: Path
    run: Path


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    data = write_dataset(folder / "data")
    run = folder / "runs" / "one"
    config = small_config("train.max_steps=30", "optim.lr=3e-3")
    train(config, shards_folder=data, run=run, preset="tiny", log=lambda _: None)
    return Trained(data=data, runs=folder / "runs", run=run)
