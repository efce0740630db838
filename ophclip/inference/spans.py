"""Embed spans of a video at clip level, from the features of all its frames, as training does.

Shapes: S spans, F frames of the video, L frames of the longest span, N context frames, W the width of the
features, D that of the embeddings.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn.utils.rnn import pad_sequence

from ophclip.config import DataConfig
from ophclip.data.augment import resize_frames
from ophclip.data.batches import FrameStore, context_frames, stack_context
from ophclip.data.shards import Sample
from ophclip.model.dual_encoder import OphCLIP

Span = tuple[float, float]
"""Start and end in seconds, both included."""

FRAME_BATCH = 64
SPAN_BATCH = 256


@torch.no_grad()
def row_features(model: OphCLIP, store: FrameStore, row: Sample) -> torch.Tensor:
    """Encode all frames of a row, `FRAME_BATCH` at a time: [F, W]."""
    device = model.image_centre.device
    indices = range(len(row.frame_times_s))
    features = []
    for start in range(0, len(indices), FRAME_BATCH):
        frames = store.frames(row, indices[start : start + FRAME_BATCH]).to(device)
        features.append(model.frame_features(resize_frames(frames, side=model.config.image_size)))
    return torch.cat(features)


def windows(times_s: Sequence[float], window_s: float) -> list[Span]:
    """Return a span of length `window_s` around each time."""
    return [(time_s - window_s / 2, time_s + window_s / 2) for time_s in times_s]


def embed_spans(
    model: OphCLIP,
    row: Sample,
    features: torch.Tensor,
    spans: Sequence[Span],
    *,
    data: DataConfig,
) -> torch.Tensor:
    """Embed spans of a video at clip level.

    Args:
        model: in evaluation mode.
        row: the video-level row, whose frames cover all of the video.
        features: [F, W], of the frames of `row`.
        spans: S spans; each holds at least one frame.
        data: settings of the context frames.

    Returns:
        [S, D] of unit length.
    """
    embeddings = []
    for start in range(0, len(spans), SPAN_BATCH):
        batch = spans[start : start + SPAN_BATCH]
        contexts = [
            context_frames(row, *span, count=data.context, stride_s=data.context_stride_s)
            for span in batch
        ]
        times = stack_context(contexts, len(contexts))
        indices = torch.tensor([context.indices for context in contexts], dtype=torch.int64)
        own, mask = features_within(row.frame_times_s, features, batch)
        embeddings.append(
            model.embed_clips(
                own, features[indices.to(features.device)], times.offsets_s, times.mask, mask
            )
        )
    return torch.cat(embeddings)


def features_within(
    times_s: Sequence[float], features: torch.Tensor, spans: Sequence[Span]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Select the features of the frames in each span, padded to the longest.

    Args:
        times_s: F times of the frames.
        features: [F, W].
        spans: S spans.

    Returns:
        Features [S, L, W], and a mask bool [S, L], False for padding.
    """
    times = torch.tensor(times_s, dtype=torch.float64)
    bounds = torch.tensor(spans, dtype=torch.float64)
    inside = (times >= bounds[:, :1]) & (times <= bounds[:, 1:])
    selected = [features[row.nonzero().flatten().to(features.device)] for row in inside]
    mask = pad_sequence([torch.ones(len(one), dtype=torch.bool) for one in selected], True)
    return pad_sequence(selected, batch_first=True), mask.to(features.device)
