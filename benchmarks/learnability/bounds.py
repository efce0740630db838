"""Lower and upper bounds of the variants' figures: the most frequent class, and training on true labels."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.learnability.measure import (
    WINDOW_S,
    Figures,
    figures_of,
    open_test,
    read_truth,
)
from benchmarks.learnability.variants import BASE, config_of
from benchmarks.learnability.words import PHASE_PROMPTS
from ophclip.data.augment import augment, draw_augmentation, resize_frames
from ophclip.data.batches import FrameStore, generator
from ophclip.inference.spans import features_within, windows
from ophclip.model.encoders import ImageEncoder
from ophclip.model.temporal import masked_mean
from schemas.vocab import Level, Route, Split

FREQUENCY = "frequency"
SUPERVISED = "supervised, true phases"
BOUNDS = (FREQUENCY, SUPERVISED)

_BATCH = 32
_LR = 2e-3


def frequency(folder: Path) -> Figures:
    """Predict the most frequent phase and surgery everywhere, and instruments by their share."""
    _, rows = open_test(folder)
    truth = read_truth(folder, rows)
    classes = len(PHASE_PROMPTS)
    everything = torch.cat([truth.phases[row.video_id] for row in rows])
    prediction = int(everything.bincount(minlength=classes).argmax())
    confusion = torch.zeros(len(rows), classes, classes, dtype=torch.int64)
    for v, row in enumerate(rows):
        confusion[v, :, prediction] = truth.phases[row.video_id].bincount(minlength=classes)
    instruments = torch.cat([truth.instruments[row.video_id] for row in rows])
    prevalence = instruments.double().mean(0)
    surgeries = Counter(truth.surgeries.values())
    return figures_of(
        confusion,
        surgery_accuracy=surgeries.most_common(1)[0][1] / len(rows),
        instrument_map=float(prevalence[prevalence > 0].mean()),
    )


def supervised(folder: Path, *, seed: int, clip_steps: int) -> Figures:
    """Train the same image encoder, with the same augmentation, on true phases of the narrated videos."""
    config = config_of(BASE, seed=seed, clip_steps=clip_steps)
    torch.set_num_threads(config.train.threads)
    torch.manual_seed(seed)
    shards, test = open_test(folder)
    train = [
        r
        for r in shards.rows
        if r.level == Level.VIDEO and r.split == Split.TRAIN and r.kind == Route.NARRATED
    ]
    truth = read_truth(folder, train)
    side = config.model.image_size
    store = FrameStore(shards, [*train, *test], config=config.data, side=side)
    encoder = ImageEncoder(config.model)
    head = nn.Linear(encoder.width, len(PHASE_PROMPTS))
    learning = [*encoder.parameters(), *head.parameters()]
    optimiser = torch.optim.AdamW(learning, lr=_LR, weight_decay=config.optim.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=_LR, total_steps=clip_steps)
    for step in range(clip_steps):
        random = generator(seed, "supervised", step)
        videos = torch.randint(len(train), (_BATCH,), generator=random).tolist()
        frames, targets = [], []
        for video, share in zip(videos, torch.rand(_BATCH, generator=random).tolist(), strict=True):
            row = train[video]
            index = int(share * len(row.frame_times_s))
            frames.append(store.frames(row, [index]))
            targets.append(truth.phases[row.video_id][index])
        augmentation = draw_augmentation(_BATCH, config=config.augment, random=random)
        augmented = augment(torch.stack(frames), augmentation, side=side).flatten(0, 1)
        loss = F.cross_entropy(head(encoder(augmented)), torch.stack(targets))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return _evaluate(encoder, head, folder, store)


@torch.no_grad()
def _evaluate(encoder: ImageEncoder, head: nn.Module, folder: Path, store: FrameStore) -> Figures:
    encoder.eval()
    _, rows = open_test(folder)
    truth = read_truth(folder, rows)
    classes = len(PHASE_PROMPTS)
    confusion = torch.zeros(len(rows), classes, classes, dtype=torch.int64)
    for v, row in enumerate(rows):
        frames = store.frames(row, range(len(row.frame_times_s)))
        side = int(frames.shape[-1])
        times = row.frame_times_s
        in_windows = features_within(
            times, encoder(resize_frames(frames, side=side)), windows(times, WINDOW_S)
        )
        predictions = head(masked_mean(*in_windows)).argmax(1).tolist()
        for true, prediction in zip(truth.phases[row.video_id].tolist(), predictions, strict=True):
            confusion[v, true, prediction] += 1
    return figures_of(confusion)
