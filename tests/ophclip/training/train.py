"""Trains a small model: `python -m tests.ophclip.training.train DATA RUN new|resume [SETTING ...]`."""

from __future__ import annotations

import sys
from pathlib import Path

from ophclip.training.loop import train
from tests.ophclip.shard_factory import small_config

if __name__ == "__main__":
    data, run, how, *settings = sys.argv[1:]
    train(
        small_config(*settings),
        shards_folder=Path(data),
        run=Path(run),
        preset="tiny",
        resume=how == "resume",
        log=print,
    )
