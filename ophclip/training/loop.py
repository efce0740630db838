"""The training loop. In: shards and a config. Out: a run folder with checkpoints and metrics.

Clip and video steps alternate under one optimiser; torchrun starts it in several processes.
"""

from __future__ import annotations

import dataclasses
from contextlib import nullcontext
from pathlib import Path

import torch

from ophclip.config import Config, to_toml
from ophclip.data.corpus import Corpus
from ophclip.data.shards import open_shards
from ophclip.device import pick_threads
from ophclip.model import weights
from ophclip.training.distributed import World, join
from ophclip.training.run_log import RunLog
from ophclip.training.trainer import Say, Trainer
from schemas.vocab import Level


def train(
    config: Config,
    *,
    shards_folder: Path,
    run: Path,
    preset: str,
    resume: bool = False,
    say: Say = lambda _: None,
    world: World | None = None,
) -> Path:
    """Train into the folder `run` and return the last checkpoint.

    Args:
        preset: name of the config that this one started from; recorded.
        resume: continue from the run's newest checkpoint.
        say: gets the lines that tell what is left out or switched off.
        world: the processes that train together; by default those that torchrun's variables tell of.

    Raises:
        DataError, CheckpointError, TrainingError: see there.
    """
    if world is None:
        with join(config.train.device) as joined:
            return train(
                config,
                shards_folder=shards_folder,
                run=run,
                preset=preset,
                resume=resume,
                say=say,
                world=joined,
            )
    if not world.is_main:
        say = _silently
    if not config.train.threads:
        threads = world.from_main(pick_threads)
        # Sums come out the same only with the same number of threads: a resumed run needs it.
        config = dataclasses.replace(
            config, train=dataclasses.replace(config.train, threads=threads)
        )
        say(f"{threads} CPU thread(s): the fastest number just now")
    torch.set_num_threads(config.train.threads)
    shards = open_shards(shards_folder, cached_groups=config.data.shuffle_groups)
    corpus = Corpus.select(shards)
    trainer = Trainer(config, corpus, preset=preset, say=say, world=world)
    world.from_main(lambda: _begin(run, config, resume))
    start = trainer.restore(run) if resume else 0
    total = trainer.plan.total
    saved = run
    with _log(run, config, start, total) if world.is_main else nullcontext() as log:
        streams = {level: trainer.stream(level, start) for level in Level}
        for step in range(start, total):
            level = trainer.plan.level(step)
            told = trainer.step(step, level, next(streams[level]))
            if log is not None:
                log.step(step, level, told)
            done = step + 1
            if done % config.train.checkpoint_every == 0 or done == total:
                saved = trainer.save(run, done)
    return saved if saved != run else weights.find(run)


def _begin(run: Path, config: Config, resume: bool) -> None:
    run.mkdir(parents=True, exist_ok=True)
    if not resume:
        (run / "config.toml").write_text(to_toml(config), encoding="utf-8")


def _log(run: Path, config: Config, start: int, total: int) -> RunLog:
    return RunLog(
        run, start=start, total=total, log_every=config.train.log_every, wandb=config.train.wandb
    )


def _silently(_: str) -> None:
    """What the other processes say: the main one says the same."""
