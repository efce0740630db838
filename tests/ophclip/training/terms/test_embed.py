"""Narrations of an item: which are drawn, and how."""

from __future__ import annotations

import torch

from ophclip.data.batches import ContextTimes
from ophclip.training.terms.embed import embed_clips, embed_narrations
from schemas.vocab import Level
from tests.ophclip.shard_factory import small_config
from tests.ophclip.training.terms.steps import scaled

CONFIG = small_config("loss.same_text_cosine=1.0")


def test_narrations_are_drawn_in_time_order():
    model = scaled(CONFIG)
    texts = tuple(f"step {n}" for n in range(40))
    for step in range(5):
        drawn = embed_narrations(model, [("a", texts)], Level.VIDEO, config=CONFIG, step=step)
        near = drawn.embeddings[0] @ model.embed_texts(texts, Level.VIDEO).T
        numbers = near.argmax(1).tolist()
        assert numbers == sorted(set(numbers))
        assert drawn.mask.all()


def test_a_draw_does_not_depend_on_how_a_batch_is_shared():
    model = scaled(CONFIG)
    said = [(f"video {v}", [f"step {n} of {v}" for n in range(20)]) for v in range(4)]
    with torch.no_grad():
        whole, half = (
            embed_narrations(model, items, Level.VIDEO, config=CONFIG, step=3).mean()
            for items in (said, said[2:])
        )
    torch.testing.assert_close(half, whole[2:])


def test_an_item_without_narrations_gives_zeros():
    none = embed_narrations(
        scaled(CONFIG), [("a", ()), ("b", ())], Level.VIDEO, config=CONFIG, step=0
    )
    assert not none.mask.any()
    assert not none.mean().any()


def test_the_last_pictures_of_a_clip_are_those_around_it():
    config = small_config("model.context_layers=1", "data.context=2")
    model = scaled(config)
    features = torch.randn(2, 5, model.image_encoder.width)
    context = ContextTimes(
        offsets_s=torch.tensor([[-4.0, 4.0], [-6.0, 9.0]]), mask=torch.ones(2, 2, dtype=torch.bool)
    )
    with torch.no_grad():
        for parameter in model.context.parameters():
            parameter.add_(0.1)  # At first it changes nothing.
        made = embed_clips(model, features, context)
        expected = model.embed_clips(
            features[:, :3], features[:, 3:], context.offsets_s, context.mask
        )
        without = model.embed_clips(
            features[:, :3], features[:, :0], context.offsets_s[:, :0], context.mask[:, :0]
        )
    assert torch.equal(made, expected)
    assert not torch.allclose(made, without, atol=1e-3)
