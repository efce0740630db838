"""The main term of each level."""

from __future__ import annotations

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from ophclip.losses import contrastive
from ophclip.training.terms.contrast import ClipContrast, VideoContrast
from ophclip.training.terms.term import text_of
from schemas.vocab import Level
from tests.ophclip.shard_factory import small_config
from tests.ophclip.training.terms.steps import gathered, make_run, make_step, scaled

CONFIG = small_config("loss.same_text_cosine=1.0")


def test_each_level_is_a_contrast_at_its_own_scale(corpus):
    run = make_run(CONFIG, corpus, scaled(CONFIG))
    for kind, rows, scale in (
        (ClipContrast, corpus.clips[:4], 5.0),
        (VideoContrast, corpus.videos, 11.0),
    ):
        term = kind.start(run, print)
        step, own = make_step(run, term.level, rows, [term])
        encoded = gathered(run, term.level, step, own)
        expected = contrastive.info_nce(
            own["visual"],
            own["text"],
            torch.tensor(scale),
            neutral_mask=encoded.batch.neutral_mask,
        )
        torch.testing.assert_close(term.loss(step, encoded).loss, expected)


def test_confidence_weighs_each_pair(corpus):
    config = small_config("loss.same_text_cosine=1.0", "loss.use_confidence=true")
    sure = (1.0, 0.5, 0.0)
    clips = [
        dataclasses.replace(row, confidence=confidence)
        for row, confidence in zip(corpus.clips, sure, strict=False)
    ]
    run = make_run(config, corpus, scaled(config))
    term = ClipContrast(run)
    step, own = make_step(run, Level.CLIP, clips, [term])
    encoded = gathered(run, Level.CLIP, step, own)
    expected = contrastive.info_nce(
        own["visual"],
        own["text"],
        torch.tensor(5.0),
        neutral_mask=encoded.batch.neutral_mask,
        weights=torch.tensor(sure),
    )
    torch.testing.assert_close(term.loss(step, encoded).loss, expected)


def test_pairs_of_one_text_or_one_time_are_neutral(corpus):
    run = make_run(CONFIG, corpus, scaled(CONFIG))
    first, second, third = corpus.clips[:3]
    same_text = dataclasses.replace(second, text=f" {str(first.text).upper()}")
    same_time = dataclasses.replace(third, start_s=first.start_s, end_s=first.end_s)
    step, own = make_step(run, Level.CLIP, [first, same_text, same_time], [])
    mask = gathered(run, Level.CLIP, step, own).batch.neutral_mask
    assert mask.tolist() == [[True, True, True], [True, True, False], [True, False, True]]


def test_texts_that_say_nearly_the_same_are_neutral_from_the_set_cosine_on(corpus):
    said = ["We insert the lens.", "We insert the lens now.", "The bleeding vessel is cauterised."]
    rows = [
        dataclasses.replace(row, text=text, start_s=50.0 * i, end_s=50.0 * i + 10)
        for i, (row, text) in enumerate(zip(corpus.clips, said, strict=False))
    ]
    for cosine in (0.2, 0.8, 0.999):
        config = small_config(f"loss.same_text_cosine={cosine}")
        run = make_run(config, corpus, scaled(config))
        step, own = make_step(run, Level.CLIP, rows, [])
        features = F.normalize(run.model.text_features(said), dim=1)
        near = features @ features.T > cosine
        assert near.sum() == (5 if cosine < 0.9 else 3)
        assert torch.equal(gathered(run, Level.CLIP, step, own).batch.neutral_mask, near)


@pytest.mark.parametrize("level", Level)
def test_a_row_without_text_meets_an_empty_one(corpus, level):
    row = dataclasses.replace(corpus.clips[0], text=None, title=None)
    assert text_of(row, level) == ""
    row = dataclasses.replace(row, text="narration", title="title")
    assert text_of(row, level) == ("narration" if level is Level.CLIP else "title")


def test_silent_videos_are_used_only_with_their_titles(corpus):
    for titles in (True, False):
        config = small_config(f"loss.silent_titles={str(titles).lower()}")
        term = VideoContrast(make_run(config, corpus, scaled(config)))
        assert term.uses_silent_videos() is titles
