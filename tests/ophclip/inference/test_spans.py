"""Spans of a video are embedded as training embeds clips."""

from __future__ import annotations

import pytest
import torch

from ophclip.data.augment import resize_frames
from ophclip.data.batches import ContextSampler, FrameStore, stack_context
from ophclip.data.shards import open_shards
from ophclip.inference.spans import embed_spans, features_within, windows
from ophclip.model.dual_encoder import OphCLIP
from ophclip.model.temporal import masked_mean
from ophclip.training.terms.embed import embed_clips
from schemas.vocab import Level
from tests.ophclip.shard_factory import small_config, write_dataset


def test_a_window_holds_the_pictures_at_most_half_of_it_away() -> None:
    times = [0.0, 1.0, 2.0, 5.0, 6.0]
    features = torch.arange(5.0)[:, None]
    for window_s, means in ((0.0, [0, 1, 2, 3, 4]), (2.0, [0.5, 1.0, 1.5, 3.5, 3.5])):
        near = features_within(times, features, windows(times, window_s))
        assert masked_mean(*near).flatten().tolist() == means


@pytest.mark.parametrize(
    "settings",
    [
        (),
        ("model.frame_pooling=transformer",),
        ("model.context_layers=1", "data.context=2", "data.context_stride_s=5.0"),
    ],
    ids=["mean", "pooling", "context"],
)
def test_a_span_is_embedded_as_the_clip_of_its_pictures(tmp_path, settings) -> None:
    config = small_config(*settings)
    shards = open_shards(write_dataset(tmp_path), cached_groups=2)
    clips = [row for row in shards.rows if row.level == Level.CLIP][:3]
    (video,) = [
        row for row in shards.rows if row.level == Level.VIDEO and row.video_id == clips[0].video_id
    ]
    torch.manual_seed(0)
    model = OphCLIP(config.model).eval()
    for part in (model.pooling, model.context):
        if part is not None:
            torch.nn.init.normal_(part.stack.gate)  # As if it had learnt.
    store = FrameStore(shards, [video, *clips], config=config.data, side=64)
    context = ContextSampler(videos={video.video_id: video}, count=2, stride_s=5.0)
    frames, around = [], []
    for clip in clips:
        own = store.frames(clip, range(4))
        if config.data.context:
            frames_around = context.frames_around(clip)
            around.append(frames_around)
            own = torch.cat([own, store.frames(video, frames_around.indices)])
        frames.append(own)
    with torch.no_grad():
        trained = embed_clips(
            model,
            model.frame_features(resize_frames(torch.stack(frames), side=64)),
            stack_context(around, 3),
        )
        features = model.frame_features(resize_frames(store.frames(video, range(12)), side=64))
        spans = [(clip.start_s, clip.end_s) for clip in clips]
        made = embed_spans(model, video, features, spans, data=config.data)
    torch.testing.assert_close(made, trained, rtol=1e-4, atol=1e-5)
