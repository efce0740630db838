"""Titles against the mean narration of their videos."""

from __future__ import annotations

import torch

from ophclip.losses import contrastive
from ophclip.training.terms.parent_child import ParentChild
from schemas.vocab import Level
from tests.ophclip.shard_factory import small_config
from tests.ophclip.training.terms.steps import gathered, make_run, make_step, scaled

CONFIG = small_config("loss.same_text_cosine=1.0")


def test_it_contrasts_the_videos_that_have_narrations(corpus):
    run = make_run(CONFIG, corpus, scaled(CONFIG))
    term = ParentChild.start(run, print)
    rows = [*corpus.titled_silent_videos[:1], *corpus.videos, corpus.videos[0]]
    step, own = make_step(run, Level.VIDEO, rows, [term])
    encoded = gathered(run, Level.VIDEO, step, own)
    mask = encoded.batch.neutral_mask[1:, 1:]
    assert mask[0, -1]  # One text twice: no negatives of each other.
    expected = contrastive.info_nce(
        own["text"][1:], own["mean_narration"][1:], torch.tensor(11.0), neutral_mask=mask
    )
    torch.testing.assert_close(term.loss(step, encoded).loss, 0.5 * expected)


def test_a_single_video_with_narrations_is_nothing_to_contrast(corpus):
    run = make_run(CONFIG, corpus, scaled(CONFIG))
    term = ParentChild.start(run, print)
    step, own = make_step(
        run, Level.VIDEO, [*corpus.titled_silent_videos, corpus.videos[0]], [term]
    )
    assert term.loss(step, gathered(run, Level.VIDEO, step, own)).loss is None
    step, own = make_step(run, Level.VIDEO, corpus.videos[:2], [term])
    assert term.loss(step, gathered(run, Level.VIDEO, step, own)).loss > 0


def test_without_a_weight_it_is_off(corpus):
    config = small_config("loss.parent_child_weight=0.0")
    assert ParentChild.start(make_run(config, corpus, scaled(config)), print) is None
