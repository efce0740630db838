"""Explain the gain of retrieval: which silent videos it finds, and what their titles add.

    python -m benchmarks.learnability.neighbours            both development seeds; a few minutes each

Trains the paper's form and searches the bank for the neighbours of every narrated video, at the start and at
the end. The true surgeries come from the corpus; the trainer does not use them.
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
from ophclip.training.distributed import ProcessGroup
from ophclip.training.terms.retrieval import BankConfig, Retrieval
from ophclip.training.trainer import Trainer
from schemas.vocab import Level, Task

_BATCH = 32


def main(arguments: Sequence[str]) -> int:
    """Print the figures of each seed."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.learnability.neighbours",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=DEVELOPMENT_SEEDS)
    chosen = parser.parse_args(arguments)
    for seed in chosen.seeds:
        with tempfile.TemporaryDirectory(prefix="neighbours-") as folder:
            for line in study(Path(folder), seed=seed, sizes=FULL, clip_steps=CLIP_STEPS):
                print(f"seed {seed}: {line}", flush=True)
    return 0


def study(folder: Path, *, seed: int, sizes: Sizes, clip_steps: int) -> Iterator[str]:
    """Yield lines about the neighbours before and after training on a corpus that is written to `folder`."""
    write(folder, seed=seed, sizes=sizes)
    config = config_of(RETRIEVAL, seed=seed, clip_steps=clip_steps)
    torch.set_num_threads(config.train.threads)
    corpus = Corpus.select(open_shards(folder, cached_groups=16))
    group = ProcessGroup(device=torch.device("cpu"))
    trainer = Trainer(config, corpus, preset="tiny", log=lambda _: None, group=group)
    surgeries = {
        label["video_id"]: label["class"]
        for label in pq.read_table(folder / "labels.parquet").to_pylist()
        if label["task"] == Task.SURGERY
    }
    shares = Counter(surgeries[row.video_id] for row in corpus.titled_silent_videos)
    queries = Counter(surgeries[row.video_id] for row in corpus.videos)
    chance = sum(shares[s] * queries[s] for s in queries) / shares.total() / queries.total()
    yield f"of two videos at random {chance:.0%} show the same surgery"
    yield f"at the start {_describe(trainer, surgeries)}"
    streams = {level: trainer.stream(level, 0) for level in Level}
    for step in range(trainer.plan.total):
        level = trainer.plan.level(step)
        trainer.step(step, level, next(streams[level]))
    yield f"at the end {_describe(trainer, surgeries)}"


@torch.no_grad()
def _describe(trainer: Trainer, surgeries: Mapping[str, str]) -> str:
    """Return how many neighbours show the query's surgery, and how similar their titles are to its own."""
    term, config = trainer.term(Retrieval), trainer.config
    if term is None:
        raise ValueError("the variant has no bank")
    bank = term.bank
    silent, videos = trainer.corpus.titled_silent_videos, trainer.corpus.videos
    bank.write(range(len(silent)), *_embed(term, silent), step=0)
    visual, title = _embed(term, videos)
    retrieved = term.search(visual, title, videos, step=0)
    if retrieved is None:
        raise ValueError("there are fewer silent videos than requested neighbours")
    index, scores = retrieved.neighbours.index, retrieved.neighbours.score
    same = [
        surgeries[silent[entry].video_id] == surgeries[row.video_id]
        for row, entries in zip(videos, index.tolist(), strict=True)
        for entry in entries
    ]
    pooled = contrastive.pool_neighbours(
        scores, bank.title[index], config.get(BankConfig).pool_temperature
    )
    own = F.cosine_similarity(pooled, title).mean()
    others = F.cosine_similarity(pooled.roll(1, 0), title).mean()
    return (
        f"{statistics.fmean(same):.0%} of the neighbours do; cosine of their pooled title with the video's "
        f"own {own:.2f}, with another video's {others:.2f}"
    )


def _embed(term: Retrieval, rows: Sequence[Sample]) -> tuple[torch.Tensor, torch.Tensor]:
    """Embed frames and titles of videos: [B, D] each."""
    pairs = [term.embed(rows[i : i + _BATCH]) for i in range(0, len(rows), _BATCH)]
    return torch.cat([visual for visual, _ in pairs]), torch.cat([title for _, title in pairs])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
