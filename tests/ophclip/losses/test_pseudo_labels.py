"""Pseudo-labels against slow loops, written from the formulas."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from ophclip.losses.pseudo_labels import carried, carry_over


def unit(rows: int, dim: int, seed: int) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(rows, dim, generator=random, dtype=torch.float64), dim=-1)


def slow_carry_over(windows, narrations, allowed, temperature, keep):
    targets, weights = [], []
    for s in range(len(windows)):
        cosines = {
            n: float(windows[s] @ narrations[n]) for n in range(len(narrations)) if allowed[s][n]
        }
        kept = sorted(cosines, key=lambda n: (-cosines[n], n))[:keep]
        kept_sum = sum(math.exp(cosines[n] / temperature) for n in kept)
        row = [0.0] * len(narrations)
        for n in kept:
            row[n] = math.exp(cosines[n] / temperature) / kept_sum
        targets.append(row)
        everything = sum(math.exp(c / temperature) for c in cosines.values())
        shares = [math.exp(c / temperature) / everything for c in cosines.values()]
        entropy = -sum(p * math.log(p) for p in shares)
        weights.append(1 - entropy / math.log(len(shares)) if len(shares) > 1 else 0.0)
    return targets, weights


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("keep", [1, 3, 20])
def test_carry_over_equals_the_slow_reference(seed, keep):
    windows, narrations = unit(6, 5, seed), unit(9, 5, seed + 50)
    allowed = torch.rand(6, 9, generator=torch.Generator().manual_seed(seed)) < 0.5
    allowed[0], allowed[1] = False, torch.arange(9) == 4  # None, and one only.
    found = carry_over(windows, narrations, allowed, temperature=0.2, keep=keep)
    targets, weights = slow_carry_over(windows, narrations, allowed, 0.2, keep)
    assert torch.allclose(found.targets, torch.tensor(targets, dtype=torch.float64), atol=1e-12)
    assert found.weights.tolist() == pytest.approx(weights, abs=1e-12)
    assert not found.targets[0].any()
    assert found.weights[:2].tolist() == [0.0, 0.0]
    assert found.targets[1, 4] == 1.0
    assert not found.targets[~allowed].any()
    assert ((found.targets > 0).sum(1) <= keep).all()


def test_weight_is_near_one_when_decided_and_zero_when_flat():
    eye = torch.eye(4)
    allowed = torch.ones(2, 4, dtype=torch.bool)
    windows = torch.stack([eye[0], F.normalize(torch.ones(4), dim=0)])
    found = carry_over(windows, eye, allowed, temperature=0.05, keep=2)
    assert found.weights.tolist() == pytest.approx([1.0, 0.0], abs=1e-5)
    assert found.targets[1].tolist() == pytest.approx([0.5, 0.5, 0.0, 0.0])  # Ties: the first.


def test_weight_of_a_window_does_not_hang_on_other_windows():
    windows, narrations = unit(5, 4, 0), unit(6, 4, 1)
    allowed = torch.ones(5, 6, dtype=torch.bool)
    before = carry_over(windows, narrations, allowed, temperature=0.1, keep=2)
    windows[0] = narrations[0]  # An outlier.
    after = carry_over(windows, narrations, allowed, temperature=0.1, keep=2)
    assert torch.equal(before.weights[1:], after.weights[1:])


def test_weight_does_not_hang_on_the_level_of_cosines():
    """A common direction that raises all cosines alike, as in a cone."""
    windows, narrations = unit(3, 4, 0), unit(6, 4, 1)
    allowed = torch.ones(3, 6, dtype=torch.bool)
    plain = carry_over(windows, narrations, allowed, temperature=0.1, keep=2)
    shared = [torch.cat([x, torch.ones(len(x), 1)], dim=1) for x in (windows, narrations)]
    cone = carry_over(*shared, allowed, temperature=0.1, keep=2)
    assert torch.allclose(plain.weights, cone.weights)
    assert torch.allclose(plain.targets, cone.targets)


def test_pseudo_labels_carry_no_gradient_and_stay_in_bounds_in_half_precision():
    windows = unit(4, 5, 0).bfloat16().requires_grad_()
    narrations = unit(7, 5, 1).bfloat16().requires_grad_()
    allowed = torch.ones(4, 7, dtype=torch.bool)
    found = carry_over(windows, narrations, allowed, temperature=0.001, keep=3)
    assert not found.targets.requires_grad
    assert not found.weights.requires_grad
    assert found.targets.dtype == found.weights.dtype == torch.float32
    assert ((found.weights >= 0) & (found.weights <= 1)).all()
    assert torch.allclose(found.targets.sum(1), torch.ones(4))


def test_nothing_allowed_and_nothing_there_give_zeros_and_no_loss():
    for count in (0, 3):
        windows, narrations = unit(2, 4, 0).requires_grad_(), unit(count, 4, 1)
        allowed = torch.zeros(2, count, dtype=torch.bool)
        found = carry_over(windows, narrations, allowed, temperature=0.1, keep=2)
        assert not found.targets.any()
        assert not found.weights.any()
        loss = carried(windows, narrations, found.targets, found.weights, torch.tensor(5.0))
        loss.backward()
        assert float(loss.detach()) == 0.0
        assert windows.grad is not None
        assert not windows.grad.any()


def slow_carried(windows, narrations, targets, weights, scale, neutral_mask):
    total = 0.0
    for s in range(len(windows)):
        logits = [scale * float(windows[s] @ n) for n in narrations]
        rivals = [
            x for n, x in enumerate(logits) if targets[s][n] > 0 or not neutral_mask[s][n]
        ]  # fmt: skip
        log_sum = math.log(sum(math.exp(x) for x in rivals))
        cost = sum(float(t) * (log_sum - x) for t, x in zip(targets[s], logits, strict=True))
        total += float(weights[s]) * cost
    return total / len(windows)


@pytest.mark.parametrize("seed", range(5))
def test_carried_equals_the_slow_reference(seed):
    windows, narrations = unit(5, 4, seed), unit(7, 4, seed + 20)
    random = torch.Generator().manual_seed(seed)
    allowed = torch.rand(5, 7, generator=random) < 0.7
    allowed[:, 0] = True
    neutral_mask = torch.rand(5, 7, generator=random) < 0.4
    found = carry_over(windows, narrations, allowed, temperature=0.3, keep=3)
    fast = carried(
        windows,
        narrations,
        found.targets,
        found.weights,
        torch.tensor(8.0),
        neutral_mask=neutral_mask,
    )
    slow = slow_carried(windows, narrations, found.targets, found.weights, 8.0, neutral_mask)
    assert float(fast) == pytest.approx(slow, abs=1e-10)


def test_carried_gradient_equals_finite_differences_and_spares_the_labels():
    windows, narrations = unit(3, 4, 0).requires_grad_(), unit(5, 4, 1).requires_grad_()
    scale = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    targets = torch.rand(3, 5, dtype=torch.float64, requires_grad=True)
    weights = torch.rand(3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda x, y, s: carried(x, y, targets.detach(), weights.detach(), s),
        (windows, narrations, scale),
    )
    carried(windows, narrations, targets, weights, scale).backward()
    assert targets.grad is None
    assert weights.grad is None


def test_undecided_windows_weigh_less_in_absolute_terms():
    windows, narrations = unit(3, 4, 0), unit(5, 4, 1)
    targets = torch.eye(5, dtype=torch.float64)[:3]
    sure = carried(windows, narrations, targets, torch.ones(3), torch.tensor(3.0))
    unsure = carried(windows, narrations, targets, torch.full((3,), 0.25), torch.tensor(3.0))
    assert float(unsure) == pytest.approx(float(sure) / 4)
