"""Clip-level embeddings of spans of a video, from the features of all its pictures, as training makes them.

S spans, F pictures of the video, L pictures of the longest span, W the features' width, D the embedding's.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn.utils.rnn import pad_sequence

from ophclip.config import DataConfig
from ophclip.data.augment import plain
from ophclip.data.batches import FrameStore, beside, surroundings
from ophclip.data.shards import Row
from ophclip.model.dual_encoder import OphCLIP

Span = tuple[float, float]
"""Start and end in seconds, both included."""

FRAMES_AT_ONCE = 64
SPANS_AT_ONCE = 256


@torch.no_grad()
def row_features(model: OphCLIP, store: FrameStore, row: Row) -> torch.Tensor:
    """[F, W] of all pictures of a row. Only some are decoded and encoded at a time, however long it is."""
    device = model.image_centre.device
    numbers = range(len(row.frame_times_s))
    made = []
    for start in range(0, len(numbers), FRAMES_AT_ONCE):
        frames = store.frames(row, numbers[start : start + FRAMES_AT_ONCE]).to(device)
        made.append(model.frame_features(plain(frames, side=model.config.image_size)))
    return torch.cat(made)


def windows(times_s: Sequence[float], window_s: float) -> list[Span]:
    """A span around each picture, of the pictures at most `window_s` / 2 away."""
    return [(time_s - window_s / 2, time_s + window_s / 2) for time_s in times_s]


def embed_spans(
    model: OphCLIP,
    row: Row,
    features: torch.Tensor,
    spans: Sequence[Span],
    *,
    data: DataConfig,
) -> torch.Tensor:
    """[S, D] of spans that hold a picture each.

    Args:
        features: [F, W], of the pictures of `row`, which cover all of a video.
        data: tells how far the model's context encoder looks around.
    """
    made = []
    for start in range(0, len(spans), SPANS_AT_ONCE):
        some = spans[start : start + SPANS_AT_ONCE]
        around = [
            beside(row, *span, count=data.context, stride_s=data.context_stride_s) for span in some
        ]
        near = surroundings(around, len(around))
        picks = torch.tensor([one.picks for one in around], dtype=torch.int64)
        own, mask = within(row.frame_times_s, features, some)
        made.append(
            model.embed_clips(
                own, features[picks.to(features.device)], near.offsets_s, near.found, mask
            )
        )
    return torch.cat(made)


def within(
    times_s: Sequence[float], features: torch.Tensor, spans: Sequence[Span]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The features [S, L, W] of the pictures in each span, and bool [S, L], False where there is none."""
    times = torch.tensor(times_s, dtype=torch.float64)
    ends = torch.tensor(spans, dtype=torch.float64)
    inside = (times >= ends[:, :1]) & (times <= ends[:, 1:])
    found = [features[row.nonzero().flatten().to(features.device)] for row in inside]
    mask = pad_sequence([torch.ones(len(one), dtype=torch.bool) for one in found], True)
    return pad_sequence(found, batch_first=True), mask.to(features.device)
