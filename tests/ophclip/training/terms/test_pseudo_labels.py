"""Narrations carried over to windows of silent videos."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from ophclip.losses.pseudo_labels import carried
from ophclip.training.terms import pseudo_labels
from ophclip.training.terms.pseudo_labels import CarriedNarrations
from schemas.vocab import Level
from tests.ophclip.shard_factory import small_config
from tests.ophclip.training.terms.steps import gathered, make_run, make_step, scaled

BASE = ("loss.same_text_cosine=1.0", "loss.carry_weight=1.0", "carry.neighbours=2")


def term_of(corpus, *overrides):
    config = small_config(*BASE, *overrides)
    return CarriedNarrations.start(make_run(config, corpus, scaled(config)), print)


def test_it_starts_once_narrated_clips_are_known(corpus):
    term = term_of(corpus)
    step, own = make_step(term.run, Level.CLIP, corpus.clips[:4], [term])
    assert term.inputs(step) == ()
    encoded = gathered(term.run, Level.CLIP, step, own)
    assert term.loss(step, encoded).loss is None
    term.finish(step, encoded)
    assert int(term.bank.filled.sum()) == 4
    torch.testing.assert_close(term.bank.visual[:4], own["visual"].detach())
    torch.testing.assert_close(term.bank.title[:4], own["text"].detach())
    assert [item.name for item in term.inputs(step)] == ["window"]


def test_it_moves_windows_only(corpus):
    term = term_of(corpus, "carry.windows=4")
    texts = term.run.model.embed_texts(term.run.corpus.narrations, Level.CLIP)
    term.bank.write(range(len(texts)), texts, texts, step=0)
    step, own = make_step(term.run, Level.CLIP, corpus.clips, [term])
    own = {name: tensor.detach().requires_grad_() for name, tensor in own.items()}
    encoded = gathered(term.run, Level.CLIP, step, own, term.inputs(step))
    result = term.loss(step, encoded)
    result.loss.backward()
    assert encoded.inputs["window"]["visual"].shape == (4, 384)
    assert own["visual"].grad is None
    assert own["text"].grad is None
    assert 0 <= result.metrics["carry_weight"] <= 1


@pytest.mark.parametrize("say_the_same", [True, False])
def test_only_the_same_words_of_another_clip_are_no_negative(corpus, monkeypatch, say_the_same):
    calls = []

    def spied(windows, texts, targets, *others, neutral_mask):
        calls.append((targets, neutral_mask))
        return carried(windows, texts, targets, *others, neutral_mask=neutral_mask)

    monkeypatch.setattr(pseudo_labels, "carried", spied)
    count = len(corpus.clips)
    said = ["We cut." if say_the_same else f"We cut {n}." for n in range(count)]
    monkeypatch.setattr(type(corpus), "narrations", property(lambda self: said))
    term = term_of(corpus, "carry.windows=12")
    random = torch.Generator().manual_seed(1)
    clips = F.normalize(torch.randn(count, 384, generator=random), dim=-1)
    term.bank.write(range(count), clips, clips, step=0)
    step, own = make_step(term.run, Level.CLIP, corpus.clips, [term])
    term.loss(step, gathered(term.run, Level.CLIP, step, own, term.inputs(step)))
    ((targets, neutral_mask),) = calls
    assert not (targets > 0).all()
    assert torch.equal(
        neutral_mask, torch.ones_like(targets).bool() if say_the_same else targets > 0
    )


def test_windows_of_a_share_are_those_of_the_whole_with_their_context(corpus):
    term = term_of(corpus, "model.context_layers=1", "data.context=1", "carry.window_s=4.0")
    whole, around = term.windows(5, 6, slice(0, 6))
    assert whole.shape == (6, 2 + 2, 3, 64, 64)
    second, context = term.windows(5, 6, slice(3, 6))
    assert torch.equal(second, whole[3:])
    assert torch.equal(context.offsets_s, around.offsets_s[3:])
    assert ((around.offsets_s < 0) | ~around.mask)[:, 0].all()
    assert ((around.offsets_s > 0) | ~around.mask)[:, 1].all()


def test_frames_of_a_window_lie_within_its_length(corpus):
    term = term_of(corpus, "carry.window_s=6.0", "data.clip_frames=3")
    time_of = {}
    for row in corpus.silent_videos:
        frames = term.run.store.frames(row, range(len(row.frame_times_s)))
        for time_s, frame in zip(row.frame_times_s, frames, strict=True):
            time_of[tuple(frame.flatten().tolist())] = (row.video_id, time_s)
    lengths_s = []
    for window in term.windows(2, 20, slice(0, 20))[0]:
        shown = [time_of[tuple(frame.flatten().tolist())] for frame in window]
        assert len({video_id for video_id, _ in shown}) == 1
        times = [time_s for _, time_s in shown]
        assert times == sorted(times)
        lengths_s.append(times[-1] - times[0])
    assert max(lengths_s) == 5.0  # There is a picture every 2.5 s: three of them fit.


def test_windows_show_silent_videos_only(corpus):
    term = term_of(corpus, "carry.window_s=0.1", "data.clip_frames=1")
    shown = term.windows(0, 40, slice(0, 40))[0].flatten(1)
    silent = {
        tuple(picture.tolist())
        for row in corpus.silent_videos
        for picture in term.run.store.frames(row, range(len(row.frame_times_s))).flatten(1)
    }
    assert all(tuple(picture.tolist()) in silent for picture in shown)


def test_without_a_weight_it_is_off(corpus):
    config = small_config()
    assert CarriedNarrations.start(make_run(config, corpus, scaled(config)), print) is None
