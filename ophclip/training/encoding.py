"""From items to embeddings: chunks for gradient caching, and what all processes' chunks come to together."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ophclip.data.augment import augment, crop_text, draw_augmentation
from ophclip.data.batches import Batch, generator
from ophclip.training.gradient_cache import Embeddings, Part
from ophclip.training.terms.embed import embed_clips
from ophclip.training.terms.term import BatchItems, Encoded, Input, Pairs, Run, Term, text_of
from schemas.vocab import Level

_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}


def batch_input(run: Run, level: Level, batch: Batch, terms: Sequence[Term], step: int) -> Input:
    """Return the batch of a step as an input: pictures and texts, and what the terms need of each item."""
    model, seed = run.model, run.config.train.seed
    rows = batch.rows[batch.local]
    texts = [text_of(row, level) for row in rows]
    if level is Level.CLIP:
        texts = [
            crop_text(
                text, config=run.config.augment, random=generator(seed, "text", step, row.pair_id)
            )
            for row, text in zip(rows, texts, strict=True)
        ]

    def encode(items: slice, pictures: torch.Tensor) -> Embeddings:
        features = model.frame_features(pictures)
        if level is Level.CLIP:
            visual = embed_clips(model, features, batch.context.select(items))
        else:
            visual = model.project_images(model.pool_frames(features), level)
        embeddings = {"visual": visual, "text": model.embed_texts(texts[items], level)}
        chosen = BatchItems(run=run, step=step, level=level, rows=rows[items], features=features)
        for term in terms:
            embeddings |= term.encode(chosen)
        return embeddings

    # As a plain string: it is part of the key of random draws.
    return Input(name=str(level), count=len(batch.rows), frames=batch.frames, encode=encode)


def chunks(run: Run, item: Input, step: int) -> list[Part]:
    """Return the chunks of this process's share of an input, at most `data.chunk` items each.

    What is drawn for an item does not depend on the processes: an item that is repeated to make the shares
    equal draws what it drew the first time.
    """
    config, seed = run.config, run.config.train.seed
    own = run.group.share_of(range(item.count))
    changes = draw_augmentation(
        item.count, config=config.augment, random=generator(seed, "augment", item.name, step)
    ).select(own)
    size = config.data.chunk or len(item.frames)

    def chunk(items: slice) -> Part:
        def encode() -> Embeddings:
            # Dropout's masks belong to the items, so that they are the same when drawn again.
            torch.manual_seed(
                generator(seed, "dropout", item.name, step, own[items.start]).initial_seed()
            )
            pictures = augment(
                item.frames[items].to(run.group.device),
                changes.select(items),
                side=config.model.image_size,
            )
            kind = _AUTOCAST.get(config.train.precision)
            with torch.autocast(run.group.device.type, dtype=kind, enabled=kind is not None):
                embeddings = item.encode(items, pictures)
            return {f"{item.name}/{name}": tensor for name, tensor in embeddings.items()}

        return encode

    return [chunk(slice(start, start + size)) for start in range(0, len(item.frames), size)]


def gather(
    run: Run, own: Embeddings, inputs: Sequence[Input]
) -> dict[str, dict[str, torch.Tensor]]:
    """Join the embeddings of all processes, by input and name, without the repeated items."""
    counts = {item.name: item.count for item in inputs}
    gathered: dict[str, dict[str, torch.Tensor]] = {name: {} for name in counts}
    for key, tensor in own.items():
        name, _, kind = key.partition("/")
        gathered[name][kind] = run.group.gather(tensor)[: counts[name]]
    return gathered


def encoded(
    run: Run, level: Level, batch: Batch, inputs: Sequence[Input], own: Embeddings
) -> Encoded:
    """Return what the terms' losses get: the step's embeddings, of all processes."""
    gathered = gather(run, own, inputs)
    further = gathered.pop(level)
    pairs = Pairs(
        run=run,
        level=level,
        rows=batch.rows,
        visual=further.pop("visual"),
        text=further.pop("text"),
    )
    joining = [item for item in inputs if item.joins]
    joined = pairs
    if joining:
        joined = Pairs(
            run=run,
            level=level,
            rows=[*batch.rows, *(row for item in joining for row in item.joins)],
            visual=torch.cat([pairs.visual, *(gathered[item.name]["visual"] for item in joining)]),
            text=torch.cat([pairs.text, *(gathered[item.name]["text"] for item in joining)]),
        )
    scale = run.model.logit_scale(level)
    return Encoded(scale=scale, batch=pairs, joined=joined, further=further, inputs=gathered)


@torch.no_grad()
def embed_batch(run: Run, item: Input, parts: Sequence[Part]) -> Embeddings:
    """Embed the whole batch of a step, without gradient, from its chunks."""
    embedded = [part() for part in parts]
    joined = {name: torch.cat([chunk[name] for chunk in embedded]) for name in embedded[0]}
    return gather(run, joined, [item])[item.name]
