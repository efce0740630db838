"""Narrations of an item: which are drawn, and how."""

from __future__ import annotations

import torch

from ophclip.training.terms.embed import embed_narrations
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
