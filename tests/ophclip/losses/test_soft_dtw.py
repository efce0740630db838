"""Soft-DTW and the order term against loops over cells and paths."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from ophclip.losses.soft_dtw import order_loss, soft_dtw


def slow_soft_dtw(cost, gamma):
    """The recursion of Cuturi & Blondel, cell by cell, of one table."""
    table = {(-1, -1): 0.0}
    rows, columns = len(cost), len(cost[0])
    for i in range(rows):
        for j in range(columns):
            near = [
                table[cell] for cell in ((i - 1, j), (i, j - 1), (i - 1, j - 1)) if cell in table
            ]
            best = min(near)
            soft = best - gamma * math.log(sum(math.exp(-(x - best) / gamma) for x in near))
            table[i, j] = float(cost[i][j]) + soft
    return table[rows - 1, columns - 1]


def path_costs(cost, i=0, j=0):
    """The summed cost of every monotone path from (i, j) to the last cell."""
    here = float(cost[i][j])
    if (i, j) == (len(cost) - 1, len(cost[0]) - 1):
        return [here]
    steps = ((i + 1, j), (i, j + 1), (i + 1, j + 1))
    return [
        here + rest
        for a, b in steps
        if a < len(cost) and b < len(cost[0])
        for rest in path_costs(cost, a, b)
    ]


def random_cost(*shape: int, seed: int = 0) -> torch.Tensor:
    return 3 * torch.rand(
        *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )


@pytest.mark.parametrize("rows", [1, 2, 5, 8])
@pytest.mark.parametrize("columns", [1, 3, 8])
@pytest.mark.parametrize("gamma", [0.01, 0.5, 3.0])
def test_soft_dtw_equals_the_double_loop(rows, columns, gamma):
    cost = random_cost(3, rows, columns, seed=rows * 10 + columns)
    fast = soft_dtw(cost, gamma)
    assert fast.tolist() == pytest.approx([slow_soft_dtw(c, gamma) for c in cost.tolist()])


def test_soft_dtw_is_the_soft_minimum_over_all_paths():
    cost = random_cost(1, 4, 3)
    paths = path_costs(cost[0].tolist())
    assert len(paths) == 25  # The Delannoy number D(3, 2).
    soft = -0.7 * math.log(sum(math.exp(-x / 0.7) for x in paths))
    assert float(soft_dtw(cost, 0.7)) == pytest.approx(soft)
    assert float(soft_dtw(cost, 1e-4)) == pytest.approx(min(paths), abs=1e-3)


@pytest.mark.parametrize("fill", [0.0, 1e6, float("nan"), float("inf")])
def test_padding_may_hold_anything(fill):
    cost = random_cost(5, 6, 7)
    frames, texts = torch.tensor([6, 1, 3, 4, 2]), torch.tensor([7, 1, 5, 2, 6])
    slow = [
        slow_soft_dtw([row[:t] for row in c[:f]], 0.3)
        for c, f, t in zip(cost.tolist(), frames.tolist(), texts.tolist(), strict=True)
    ]
    padded = cost.clone()
    for i in range(5):
        padded[i, frames[i] :], padded[i, :, texts[i] :] = fill, fill
    padded.requires_grad_()
    fast = soft_dtw(padded, 0.3, frame_lengths=frames, text_lengths=texts)
    assert fast.tolist() == pytest.approx(slow)
    fast.sum().backward()
    assert padded.grad is not None
    assert padded.grad.isfinite().all()
    for i in range(5):
        assert not padded.grad[i, frames[i] :].any()
        assert not padded.grad[i, :, texts[i] :].any()


def test_soft_dtw_gradient_equals_finite_differences():
    cost = random_cost(2, 4, 3).requires_grad_()
    lengths = torch.tensor([3, 2])
    assert torch.autograd.gradcheck(lambda c: soft_dtw(c, 0.4, text_lengths=lengths), (cost,))


@pytest.mark.parametrize("gamma", [1e-3, 0.1, 1.0])
def test_soft_dtw_in_float32_stays_close_and_finite(gamma):
    cost = 10 * random_cost(2, 64, 16)
    low = cost.float().requires_grad_()
    fast = soft_dtw(low, gamma)
    assert torch.allclose(fast.double(), soft_dtw(cost, gamma), rtol=1e-4)
    fast.sum().backward()
    assert low.grad is not None
    assert low.grad.isfinite().all()


def slow_order_loss(frames, texts, text_mask, scale, gamma, margin):
    hinges = []
    for f, t, real in zip(frames, texts, text_mask, strict=True):
        own = [text for text, ok in zip(t, real, strict=True) if ok]
        if len(own) < 2:
            continue
        cost = []
        for frame in f:
            logits = [scale * float(frame @ text) for text in own]
            log_sum = math.log(sum(math.exp(x) for x in logits))
            cost.append([log_sum - x for x in logits])
        right = slow_soft_dtw(cost, gamma)
        wrong = slow_soft_dtw([row[::-1] for row in cost], gamma)
        hinges.append(max(0.0, margin + (right - wrong) / len(f)))
    return sum(hinges) / len(hinges) if hinges else 0.0


def unit(*shape: int, seed: int) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(*shape, generator=random, dtype=torch.float64), dim=-1)


@pytest.mark.parametrize("seed", range(6))
def test_order_loss_equals_the_slow_reference(seed):
    frames, texts = unit(6, 7, 5, seed=seed), unit(6, 4, 5, seed=seed + 30)
    text_mask = torch.rand(6, 4, generator=torch.Generator().manual_seed(seed)) < 0.6
    text_mask[0], text_mask[1] = True, False
    fast = order_loss(frames, texts, text_mask, torch.tensor(6.0), 0.2, 0.1)
    assert float(fast) == pytest.approx(slow_order_loss(frames, texts, text_mask, 6.0, 0.2, 0.1))


def test_order_loss_gradient_equals_finite_differences():
    frames, texts = unit(3, 4, 5, seed=0).requires_grad_(), unit(3, 3, 5, seed=1).requires_grad_()
    scale = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    text_mask = torch.tensor([[True, True, True], [False, True, True], [True, False, False]])
    assert torch.autograd.gradcheck(
        lambda f, t, s: order_loss(f, t, text_mask, s, 0.3, 5.0), (frames, texts, scale)
    )


def test_right_order_costs_nothing_and_reversed_order_costs():
    texts = torch.eye(3)[None]
    frames = texts.repeat_interleave(3, dim=1)
    real = torch.ones(1, 3, dtype=torch.bool)
    options = (real, torch.tensor(10.0), 0.05, 0.5)
    assert float(order_loss(frames, texts, *options)) == 0.0
    assert float(order_loss(frames.flip(1), texts, *options)) > 1.0


@pytest.mark.parametrize("items", [1, 2])
def test_texts_that_all_say_the_same_cost_the_margin(items):
    texts = unit(1, 1, 4, seed=0).expand(items, 3, 4)
    real = torch.ones(items, 3, dtype=torch.bool)
    loss = order_loss(unit(items, 5, 4, seed=1), texts, real, torch.tensor(9.0), 0.1, 0.25)
    assert float(loss) == pytest.approx(0.25)


def test_items_with_fewer_than_two_texts_leave_loss_and_gradients_at_zero():
    frames = unit(2, 4, 3, seed=0).bfloat16().requires_grad_()
    text_mask = torch.tensor([[False, False], [False, True]])
    texts = unit(2, 2, 3, seed=1).bfloat16()
    loss = order_loss(frames, texts, text_mask, torch.tensor(100.0), 0.1, 1.0)
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert frames.grad is not None
    assert not frames.grad.any()
