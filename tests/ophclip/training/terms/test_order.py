"""Narrations in their order against the same in reverse."""

from __future__ import annotations

import torch

from ophclip.losses.soft_dtw import order_loss
from ophclip.training.terms.order import Order
from schemas.vocab import Level
from tests.ophclip.shard_factory import small_config
from tests.ophclip.training.terms.steps import gathered, make_run, make_step, scaled

CONFIG = small_config("loss.same_text_cosine=1.0", "loss.order_weight=0.5")


def test_it_aligns_pictures_and_narrations_of_each_video(corpus):
    run = make_run(CONFIG, corpus, scaled(CONFIG))
    term = Order.start(run, print)
    rows = [*corpus.titled_silent_videos[:1], *corpus.videos]
    step, own = make_step(run, Level.VIDEO, rows, [term])
    loss = term.loss(step, gathered(run, Level.VIDEO, step, own)).loss
    expected = order_loss(
        own["frames"][1:],
        own["narrations"][1:],
        own["narration_mask"][1:],
        torch.tensor(11.0),
        0.1,
        0.1,
    )
    torch.testing.assert_close(loss, 0.5 * expected)


def test_silent_videos_alone_have_no_order(corpus):
    run = make_run(CONFIG, corpus, scaled(CONFIG))
    term = Order.start(run, print)
    step, own = make_step(run, Level.VIDEO, corpus.titled_silent_videos, [term])
    assert term.loss(step, gathered(run, Level.VIDEO, step, own)).loss is None


def test_without_a_weight_it_is_off(corpus):
    config = small_config()
    assert Order.start(make_run(config, corpus, scaled(config)), print) is None
