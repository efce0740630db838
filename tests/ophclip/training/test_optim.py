"""Learning rate and plan, step by step."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from ophclip.model.dual_encoder import OphCLIP
from ophclip.training.optim import Plan, build_optimiser, lr_share
from schemas.vocab import Level
from tests.ophclip.shard_factory import small_config

OPTIM = small_config("optim.warmup_steps=10", "optim.final_lr_share=0.1").optim


@pytest.mark.parametrize("total", [11, 12, 100, 1001])
def test_the_schedule_ends_at_its_end(total):
    shares = [lr_share(step, total, OPTIM) for step in range(total)]
    assert shares[-1] == pytest.approx(0.1, abs=1e-12) or total == 11
    assert max(shares) == shares[10] == 1.0
    assert all(a < b for a, b in itertools.pairwise(shares[:11]))
    assert all(a > b for a, b in itertools.pairwise(shares[10:]))


def test_the_middle_of_the_fall_is_half_way():
    assert lr_share(10 + 45, 101, OPTIM) == pytest.approx(
        0.1 + 0.9 * (1 + math.cos(math.pi / 2)) / 2
    )


def test_a_run_shorter_than_its_warm_up_still_works():
    shares = [lr_share(step, 3, OPTIM) for step in range(3)]
    assert all(0 < share <= 1 for share in shares)
    assert shares[-1] == 1.0, "the rise takes the whole of it"
    assert lr_share(0, 1, OPTIM) > 0


@pytest.mark.parametrize(("clip", "video"), [(1, 1), (4, 1), (3, 2), (2, 0)])
def test_levels_alternate_by_the_stated_ratio(clip, video):
    plan = Plan(clip_steps=clip, video_steps=video, total=50)
    seen = dict.fromkeys(Level, 0)
    for step in range(50):
        assert {level: plan.done(step, level) for level in Level} == seen
        seen[plan.level(step)] += 1
    first = [plan.level(step) for step in range(clip + video)]
    assert first == [Level.CLIP] * clip + [Level.VIDEO] * video


@pytest.mark.parametrize("epochs", [1, 2, 5])
@pytest.mark.parametrize(("clip", "video"), [(1, 1), (4, 1), (3, 2), (2, 0)])
def test_epochs_end_with_their_last_clip_batch(epochs, clip, video):
    plan = Plan.build(
        clip_steps=clip, video_steps=video, clips_per_epoch=7, epochs=epochs, max_steps=0
    )
    assert plan.done(plan.total, Level.CLIP) == 7 * epochs
    assert plan.level(plan.total - 1) is Level.CLIP


def test_the_first_limit_reached_ends_the_run():
    def total(**limits: int) -> int:
        return Plan.build(clip_steps=2, video_steps=1, clips_per_epoch=4, **limits).total

    assert total(epochs=0, max_steps=5) == 5
    assert total(epochs=1, max_steps=100) == 5
    assert total(epochs=100, max_steps=6) == 6


def test_vectors_do_not_decay_and_nothing_is_left_out():
    model = OphCLIP(small_config().model)
    groups = build_optimiser(model, OPTIM.model_copy(update={"encoder_lr_share": 0.5})).param_groups
    held = {id(p): group for group in groups for p in group["params"]}
    learning = {name: p for name, p in model.named_parameters() if p.requires_grad}
    assert {id(p) for p in learning.values()} == set(held)
    for name, parameter in learning.items():
        group = held[id(parameter)]
        assert (group["weight_decay"] > 0) == (parameter.ndim >= 2)
        assert group["lr"] == OPTIM.lr * (0.5 if name.startswith("image_encoder.") else 1.0)
    assert isinstance(held[id(model.log_scales["clip"])], dict)
    assert torch.is_tensor(model.log_scales["clip"])


def test_the_optimiser_has_the_decays_of_the_settings():
    values = {"beta1": 0.7, "beta2": 0.95, "weight_decay": 0.3}
    optimiser = build_optimiser(OphCLIP(small_config().model), OPTIM.model_copy(update=values))
    assert {group["betas"] for group in optimiser.param_groups} == {(0.7, 0.95)}
    assert {group["weight_decay"] for group in optimiser.param_groups} == {0.0, 0.3}
