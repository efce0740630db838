"""Why retrieval gains what it gains: which silent videos it finds, and what their titles add.

    python -m benchmarks.learnability.neighbours            both development seeds; a few minutes each

Trains the paper's form and asks the bank for the neighbours of every narrated video, at the start and at the
end. Truth comes from the corpus; the trainer never sees it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow.parquet as pq
import torch
import torch.nn.functional as F

from benchmarks.learnability.corpus import Sizes, write
from benchmarks.learnability.variants import (
    CLIP_STEPS,
    DEVELOPMENT_SEEDS,
    FULL,
    RETRIEVAL,
    config_of,
)
from ophclip.data.corpus import Corpus
from ophclip.data.shards import Sample, open_shards
from ophclip.losses import contrastive
from ophclip.training import objective
from ophclip.training.distributed import World
from ophclip.training.trainer import Trainer
from schemas.vocab import Level, Task

_AT_ONCE = 32


def main(arguments: Sequence[str]) -> int:
    """Print what is seen on each seed."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.learnability.neighbours",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=DEVELOPMENT_SEEDS)
    chosen = parser.parse_args(arguments)
    for seed in chosen.seeds:
        with tempfile.TemporaryDirectory(prefix="neighbours-") as place:
            for line in study(Path(place), seed=seed, sizes=FULL, clip_steps=CLIP_STEPS):
                print(f"seed {seed}: {line}", flush=True)
    return 0


def study(folder: Path, *, seed: int, sizes: Sizes, clip_steps: int) -> Iterator[str]:
    """Lines about the neighbours before and after a training on a corpus that is written into `folder`."""
    write(folder, seed=seed, sizes=sizes)
    config = config_of(RETRIEVAL, seed=seed, clip_steps=clip_steps)
    torch.set_num_threads(config.train.threads)
    corpus = Corpus.select(open_shards(folder, cached_groups=16))
    world = World(device=torch.device("cpu"))
    trainer = Trainer(config, corpus, preset="tiny", say=lambda _: None, world=world)
    surgeries = {
        label["video_id"]: label["class"]
        for label in pq.read_table(folder / "labels.parquet").to_pylist()
        if label["task"] == Task.SURGERY
    }
    shares = Counter(surgeries[row.video_id] for row in corpus.titled_silent_videos)
    asked = Counter(surgeries[row.video_id] for row in corpus.videos)
    chance = sum(shares[s] * asked[s] for s in asked) / shares.total() / asked.total()
    yield f"of two videos at random {chance:.0%} show the same surgery"
    yield f"at the start {_seen(trainer, surgeries)}"
    streams = {level: trainer.stream(level, 0) for level in Level}
    for step in range(trainer.plan.total):
        level = trainer.plan.level(step)
        trainer.step(step, level, next(streams[level]))
    yield f"at the end {_seen(trainer, surgeries)}"


@torch.no_grad()
def _seen(trainer: Trainer, surgeries: Mapping[str, str]) -> str:
    """How many neighbours show the query's surgery, and how near their pooled title is to its own."""
    bank, config = trainer.bank, trainer.config
    if bank is None:
        raise ValueError("the variant has no bank")
    silent, videos = trainer.corpus.titled_silent_videos, trainer.corpus.videos
    bank.write(range(len(silent)), *_embed(trainer, silent), step=0)
    visual, title = _embed(trainer, videos)
    retrieved = objective.retrieve(bank, visual, title, videos, config=config, step=0)
    if retrieved is None:
        raise ValueError("there are fewer silent videos than neighbours wanted")
    index, scores = retrieved.found.index, retrieved.found.score
    same = [
        surgeries[silent[place].video_id] == surgeries[row.video_id]
        for row, places in zip(videos, index.tolist(), strict=True)
        for place in places
    ]
    pooled = contrastive.pool_neighbours(scores, bank.title[index], config.bank.pool_temperature)
    own = F.cosine_similarity(pooled, title).mean()
    others = F.cosine_similarity(pooled.roll(1, 0), title).mean()
    return (
        f"{statistics.fmean(same):.0%} of the neighbours do; cosine of their pooled title with the video's "
        f"own {own:.2f}, with another video's {others:.2f}"
    )


def _embed(trainer: Trainer, rows: Sequence[Sample]) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures and titles of videos [B, D]."""
    made = [trainer.embed_videos(rows[i : i + _AT_ONCE]) for i in range(0, len(rows), _AT_ONCE)]
    return torch.cat([visual for visual, _ in made]), torch.cat([title for _, title in made])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
