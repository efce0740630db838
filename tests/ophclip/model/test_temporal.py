"""Temporal modules: they start as nothing, honour masks exactly, and depend on order and time."""

from __future__ import annotations

import pytest
import torch

from ophclip.model import temporal
from ophclip.model.temporal import ContextEncoder, FramePooling, masked_mean

WIDTH = 48


@pytest.fixture
def pooling():
    torch.manual_seed(0)
    return FramePooling(WIDTH, layers=2)


@pytest.fixture
def context():
    torch.manual_seed(0)
    return ContextEncoder(WIDTH, layers=1)


def opened(module):
    """The module with its gate away from zero."""
    torch.nn.init.constant_(module.stack.gate, 0.5)
    return module


def context_inputs():
    torch.manual_seed(1)
    offsets_s = torch.tensor([[-5.0, 0.0, 2.0, 600.0], [-1.0, 1.0, 3.0, 9.0]])
    return torch.randn(2, WIDTH), torch.randn(2, 4, WIDTH), offsets_s, torch.ones(2, 4).bool()


def test_pooling_starts_as_the_mean(pooling):
    features = torch.randn(3, 5, WIDTH)
    assert torch.allclose(pooling(features), features.mean(1), atol=1e-6)


def test_the_gate_learns_first_and_then_everything(pooling):
    features = torch.randn(3, 5, WIDTH)
    pooling(features).square().sum().backward()
    assert pooling.stack.gate.grad.any()
    pooling.zero_grad()
    opened(pooling)(features).square().sum().backward()
    assert all(parameter.grad.any() for parameter in pooling.parameters())


def test_pooling_depends_on_the_order_of_frames_only_once_its_gate_is_open(pooling):
    features = torch.randn(3, 5, WIDTH)
    turned = features.flip(1)
    assert torch.allclose(pooling(features), pooling(turned), atol=1e-6)
    opened(pooling)
    assert not torch.allclose(pooling(features), pooling(turned), atol=1e-3)


def test_waves_of_pooling_and_of_context(pooling, context, monkeypatch):
    waves, sinusoids = [], temporal._sinusoids

    def noted(positions, **lengths):
        waves.append(lengths)
        return sinusoids(positions, **lengths)

    monkeypatch.setattr(temporal, "_sinusoids", noted)
    pooling(torch.randn(2, 4, WIDTH))
    context(*context_inputs())
    assert waves == [
        {"longest": 2.0, "shortest": 1 / 32},  # of the item's length
        {"longest": 32.0, "shortest": 0.25},  # of the logarithm of seconds
    ]


def test_what_the_layers_find_is_added_to_the_mean(pooling, monkeypatch):
    features = torch.randn(3, 5, WIDTH)
    mask = torch.ones(3, 5).bool()
    mask[0, 3:] = False
    monkeypatch.setattr(
        pooling.stack, "gated", lambda states: torch.full((len(states), WIDTH), 0.25)
    )
    assert torch.allclose(pooling(features, mask), masked_mean(features, mask) + 0.25)


def test_positions_are_the_middles_of_equal_shares_of_an_item(pooling, monkeypatch):
    positions, sinusoids = [], temporal._sinusoids
    monkeypatch.setattr(
        temporal,
        "_sinusoids",
        lambda given, **waves: positions.append(given) or sinusoids(given, **waves),
    )
    mask = torch.arange(4) < torch.tensor([[4], [2], [1]])
    pooling(torch.randn(3, 4, WIDTH), mask)
    assert positions[0][0].tolist() == [0.125, 0.375, 0.625, 0.875]
    assert positions[0][1, :2].tolist() == [0.25, 0.75]
    assert positions[0][2, 0] == 0.5


def test_padding_changes_nothing(pooling):
    opened(pooling)
    features = torch.randn(2, 5, WIDTH)
    padded = torch.cat([features, torch.full((2, 3, WIDTH), torch.nan)], 1)
    mask = torch.arange(8).expand(2, 8) < 5
    assert torch.allclose(pooling(padded, mask), pooling(features), atol=1e-6)
    assert torch.allclose(masked_mean(padded, mask), features.mean(1), atol=1e-6)


def test_training_and_evaluation_give_the_same_numbers(pooling, context):
    features = torch.randn(2, 5, WIDTH)
    for module, given in ((pooling, (features,)), (context, context_inputs())):
        learning = opened(module).train()(*given)
        with torch.no_grad():
            assert torch.equal(module.eval()(*given), learning)


def test_context_starts_as_the_clip_alone(context):
    centre, *around = context_inputs()
    assert torch.equal(context(centre, *around), centre)


def test_a_masked_context_frame_has_no_influence(context):
    centre, neighbours, offsets_s, mask = context_inputs()
    opened(context)
    mask[:, 3] = False
    expected = context(centre, neighbours, offsets_s, mask)
    for junk in (0.0, 1e30, torch.inf, torch.nan):
        neighbours[:, 3] = junk
        offsets_s[:, 3] = junk
        assert torch.equal(context(centre, neighbours, offsets_s, mask), expected)
    without = context(centre, neighbours[:, :3], offsets_s[:, :3], mask[:, :3])
    assert torch.allclose(without, expected, atol=1e-6)
    assert not torch.allclose(expected, centre, atol=1e-3)


def test_a_clip_without_context_stays_exactly_as_it_is(context):
    centre, neighbours, offsets_s, mask = context_inputs()
    opened(context)
    mask[0] = False
    centre.requires_grad_()
    made = context(centre, neighbours, offsets_s, mask)
    assert torch.equal(made[0], centre[0])
    assert not torch.equal(made[1], centre[1])
    made.sum().backward()
    assert torch.equal(centre.grad[0], torch.ones(WIDTH))
    none = context(centre, neighbours[:, :0], offsets_s[:, :0], mask[:, :0])
    assert torch.equal(none, centre)


def test_context_depends_on_the_times_and_not_on_the_order_of_context_frames(context):
    centre, neighbours, offsets_s, mask = context_inputs()
    opened(context)
    made = context(centre, neighbours, offsets_s, mask)
    order = torch.tensor([2, 0, 3, 1])
    mixed = context(centre, neighbours[:, order], offsets_s[:, order], mask)
    assert torch.allclose(mixed, made, atol=1e-5)
    for other in (-offsets_s, offsets_s + 3600):
        assert not torch.allclose(context(centre, neighbours, other, mask), made, atol=1e-4)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_under_autocast_features_stay_float32_and_close(pooling, context, kind):
    features = torch.randn(2, 5, WIDTH)
    for module, given in ((pooling, (features,)), (context, context_inputs())):
        exact = opened(module)(*given)
        with torch.autocast("cpu", dtype=kind):
            made = module(*given)
        assert made.dtype == torch.float32
        assert torch.allclose(made, exact, atol=0.05)
        made.sum().backward()
        assert all(parameter.grad.isfinite().all() for parameter in module.parameters())


def test_a_wave_repeats_after_its_length():
    waves = temporal._sinusoids(torch.tensor([0.0, 0.5, 2.0]), longest=2.0, shortest=0.25)
    count = waves.shape[1] // 2
    sines, cosines = waves[:, :count], waves[:, count:]
    assert sines[:, 0].tolist() == pytest.approx([0, 1, 0], abs=1e-5)  # Of the longest.
    assert cosines[:, 0].tolist() == pytest.approx([1, 0, 1], abs=1e-5)
    assert sines[1, -1].item() == pytest.approx(0, abs=1e-4)  # Twice the shortest.
    assert cosines[1, -1].item() == pytest.approx(1, abs=1e-4)


def test_a_masked_mean_is_over_the_frames_that_are_there():
    features = torch.tensor([[[2.0], [4.0], [90.0]]]).expand(3, 3, 1)
    mask = torch.arange(3) < torch.tensor([[2], [1], [0]])
    assert temporal.masked_mean(features, mask).flatten().tolist() == [3.0, 2.0, 0.0]
