"""The training loop. In: shards and a config. Out: a run folder with checkpoints and metrics.

Clip and video steps alternate under one optimiser; torchrun starts it in several processes.
"""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import torch

from ophclip.config import change, to_toml
from ophclip.data.corpus import Corpus
from ophclip.data.shards import open_shards
from ophclip.device import pick_threads
from ophclip.model import weights
from ophclip.training.config import Config
from ophclip.training.distributed import ProcessGroup, join
from ophclip.training.run_log import LogFn, RunLog
from ophclip.training.trainer import Trainer
from ophvl.faults import naming
from schemas.vocab import Level


def train(
    config: Config,
    *,
    shards_folder: Path,
    run: Path,
    preset: str,
    resume: bool = False,
    log: LogFn = lambda _: None,
    group: ProcessGroup | None = None,
) -> Path:
    """Train into the folder `run` and return the last checkpoint.

    Args:
        preset: name of the config that this one started from; recorded.
        resume: continue from the run's newest checkpoint.
        log: gets lines about the data, and about what is left out or switched off.
        group: the processes that train together; by default those that torchrun's variables describe.

    Raises:
        DataError, CheckpointError, TrainingError: see there.
    """
    if group is None:
        with join(config.train.device) as joined:
            return train(
                config,
                shards_folder=shards_folder,
                run=run,
                preset=preset,
                resume=resume,
                log=log,
                group=joined,
            )
    if not group.is_main:
        log = _discard
    if not config.train.threads:
        threads = group.from_main(pick_threads)
        # Sums come out the same only with the same number of threads: a resumed run needs it.
        config = change(config, overrides=[f"train.threads={threads}"])
        log(f"{threads} CPU thread(s): the fastest number just now")
    torch.set_num_threads(config.train.threads)
    shards = open_shards(shards_folder, cached_groups=config.data.shuffle_groups)
    corpus = Corpus.select(shards)
    trainer = Trainer(config, corpus, preset=preset, log=log, group=group)
    group.from_main(lambda: _begin(run, config, resume))
    start = trainer.restore(run) if resume else 0
    total = trainer.plan.total
    saved = run
    with _open_log(run, config, start, total) if group.is_main else nullcontext() as run_log:
        streams = {level: trainer.stream(level, start) for level in Level}
        for step in range(start, total):
            level = trainer.plan.level(step)
            metrics = trainer.step(step, level, next(streams[level]))
            if run_log is not None:
                run_log.step(step, level, metrics)
            done = step + 1
            if done % config.train.checkpoint_every == 0 or done == total:
                saved = trainer.save(run, done)
    return saved if saved != run else weights.find(run)


def _begin(run: Path, config: Config, resume: bool) -> None:
    run.mkdir(parents=True, exist_ok=True)
    if not resume:
        with naming(run / "config.toml"):
            (run / "config.toml").write_text(to_toml(config), encoding="utf-8")


def _open_log(run: Path, config: Config, start: int, total: int) -> RunLog:
    return RunLog(
        run, start=start, total=total, log_every=config.train.log_every, wandb=config.train.wandb
    )


def _discard(_: str) -> None:
    """Log nothing: the other processes' lines are those of the main one."""
