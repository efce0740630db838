"""Runs and steps for tests of single terms: a real model on small shards, pictures without augmentation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from ophclip.data.augment import resize_frames
from ophclip.data.batches import Batch, FrameStore, stack_context
from ophclip.data.corpus import Corpus
from ophclip.data.shards import Sample
from ophclip.model.dual_encoder import OphCLIP
from ophclip.training import encoding
from ophclip.training.config import Config
from ophclip.training.distributed import ProcessGroup
from ophclip.training.gradient_cache import Embeddings
from ophclip.training.terms.term import Encoded, Input, Run, Step, Term
from schemas.vocab import Level


def make_run(config: Config, corpus: Corpus, model: OphCLIP, *, processes: int = 1) -> Run:
    """A run of the model on the corpus, in the first of some processes."""
    rows = (*corpus.clips, *corpus.video_rows.values())
    return Run(
        config=config,
        corpus=corpus,
        store=FrameStore(corpus.shards, rows, config=config.data, side=64),
        model=model,
        group=ProcessGroup(size=processes, device=torch.device("cpu")),
    )


def scaled(config: Config, clip: float = 5.0, video: float = 11.0) -> OphCLIP:
    """A model whose levels differ in their logit scale."""
    torch.manual_seed(0)
    model = OphCLIP(config.model).eval()
    with torch.no_grad():
        model.log_scales["clip"].fill_(math.log(clip))
        model.log_scales["video"].fill_(math.log(video))
    return model


def pictures(count: int, frames: int = 4) -> torch.Tensor:
    """Noise, [count, frames, 3, 64, 64] in [0, 1]."""
    random = torch.Generator().manual_seed(1)
    shape = (count, frames, 3, 64, 64)
    return resize_frames(torch.randint(0, 256, shape, dtype=torch.uint8, generator=random), side=64)


def make_step(
    run: Run, level: Level, rows: Sequence[Sample], terms: Sequence[Term], *, number: int = 0
) -> tuple[Step, Embeddings]:
    """A step with `rows` as its batch, and the embeddings of these."""
    batch = Batch(
        rows=tuple(rows),
        local=slice(0, len(rows)),
        frames=torch.zeros(len(rows), 0),
        context=stack_context([], len(rows)),
    )
    item = encoding.batch_input(run, level, batch, terms, number)
    own = item.encode(slice(0, len(rows)), pictures(len(rows)))
    return Step(number=number, batch=batch, embed_batch=lambda: own), own


def gathered(
    run: Run, level: Level, step: Step, own: Embeddings, further: Sequence[Input] = ()
) -> Encoded:
    """What the terms' losses get. Embeddings of further inputs retain their gradient."""
    batch = Input(
        name=str(level), count=len(step.batch.rows), frames=step.batch.frames, encode=lambda *_: {}
    )
    joined = {f"{level}/{name}": tensor for name, tensor in own.items()}
    for item in further:
        made = item.encode(slice(0, len(item.frames)), resize_frames(item.frames, side=64))
        for name, tensor in made.items():
            joined[f"{item.name}/{name}"] = tensor.detach().requires_grad_()
    encoded = encoding.encoded(run, level, step.batch, [batch, *further], joined)
    for embeddings in encoded.inputs.values():
        for tensor in embeddings.values():
            tensor.retain_grad()
    return encoded
