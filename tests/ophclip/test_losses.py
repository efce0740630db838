"""Losses against slow loops, written from the formulas."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from ophclip import losses


def unit(rows: int, dim: int, seed: int) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(rows, dim, generator=random, dtype=torch.float64), dim=-1)


def slow_info_nce(a, b, scale, ignored, weights):
    n = len(a)
    total = weight_sum = 0.0
    for i in range(n):
        for first, second in ((a, b), (b, a)):
            exponents = {
                j: scale * float(first[i] @ second[j])
                for j in range(n)
                if j == i or not (ignored[i][j] if first is a else ignored[j][i])
            }
            log_sum = math.log(sum(math.exp(x) for x in exponents.values()))
            total += weights[i] * (log_sum - exponents[i]) / 2
        weight_sum += weights[i]
    return total / weight_sum


@pytest.mark.parametrize("seed", [0, 1])
def test_info_nce_equals_the_slow_reference(seed):
    a, b = unit(6, 5, seed), unit(6, 5, seed + 10)
    random = torch.Generator().manual_seed(seed)
    ignored = torch.rand(6, 6, generator=random) < 0.3
    weights = torch.rand(6, generator=random, dtype=torch.float64)
    fast = losses.info_nce(a, b, torch.tensor(7.0), ignored=ignored, weights=weights)
    assert float(fast) == pytest.approx(
        slow_info_nce(a, b, 7.0, ignored, weights.tolist()), abs=1e-10
    )


def test_info_nce_without_mask_is_the_mean_of_both_cross_entropies():
    a, b = unit(4, 3, 0), unit(4, 3, 1)
    target = torch.arange(4)
    both = (F.cross_entropy(10 * a @ b.T, target) + F.cross_entropy(10 * b @ a.T, target)) / 2
    assert torch.isclose(losses.info_nce(a, b, torch.tensor(10.0)), both)


def test_info_nce_gradient_equals_finite_differences():
    a, b = unit(4, 3, 2).requires_grad_(), unit(4, 3, 3).requires_grad_()
    scale = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    ignored = torch.zeros(4, 4, dtype=torch.bool)
    ignored[0, 2] = ignored[2, 0] = True
    assert torch.autograd.gradcheck(
        lambda x, y, s: losses.info_nce(x, y, s, ignored=ignored), (a, b, scale)
    )


def test_masked_items_neither_attract_nor_repel():
    a, b = unit(3, 4, 4).requires_grad_(), unit(3, 4, 5)
    ignored = torch.ones(3, 3, dtype=torch.bool)
    loss = losses.info_nce(a, b, torch.tensor(5.0), ignored=ignored)
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert a.grad is not None
    assert not a.grad.any()


def test_a_perfect_match_at_high_scale_costs_nothing():
    eye = torch.eye(4)
    assert float(losses.info_nce(eye, eye, torch.tensor(100.0))) == pytest.approx(0.0, abs=1e-6)


def test_weight_zero_takes_a_pair_out_of_the_mean():
    a, b = unit(3, 4, 6), unit(3, 4, 7)
    weights = torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64)
    each = [
        slow_info_nce(a, b, 2.0, torch.zeros(3, 3), [float(i == j) for j in range(3)])
        for i in range(3)
    ]
    fast = losses.info_nce(a, b, torch.tensor(2.0), weights=weights)
    assert float(fast) == pytest.approx((each[0] + each[2]) / 2)


def test_pool_neighbours_equals_the_slow_reference():
    scores = torch.tensor([[0.9, 0.5, float("-inf")], [0.1, 0.2, 0.3]], dtype=torch.float64)
    values = unit(6, 4, 8).view(2, 3, 4)
    pooled = losses.pool_neighbours(scores, values, 0.1)
    for i in range(2):
        raw = [math.exp(float(s) / 0.1) for s in scores[i]]
        mixed = sum(w / sum(raw) * values[i, j] for j, w in enumerate(raw))
        assert torch.allclose(pooled[i], mixed / mixed.norm())


def test_retrieval_equals_two_cross_modal_terms_and_leaves_neighbours_alone():
    visual, title = unit(4, 5, 9).requires_grad_(), unit(4, 5, 10)
    near_visual, near_title = unit(4, 5, 11).requires_grad_(), unit(4, 5, 12)
    no = torch.zeros(4, 4)
    loss = losses.retrieval(visual, title, near_visual, near_title, torch.tensor(4.0))
    slow = (
        slow_info_nce(visual.detach(), near_title, 4.0, no, [1.0] * 4)
        + slow_info_nce(title, near_visual.detach(), 4.0, no, [1.0] * 4)
    ) / 2
    assert float(loss.detach()) == pytest.approx(slow)
    loss.backward()
    assert visual.grad is not None
    assert near_visual.grad is None


def test_same_text_ignores_case_and_blanks():
    same = losses.same_text(["The lens.", "the  LENS. ", "a lens."])
    assert same.tolist() == [[True, True, False], [True, True, False], [False, False, True]]


def test_spans_overlap_only_within_a_video_and_only_with_shared_time():
    meet = losses.overlapping(["a", "a", "a", "b"], [0.0, 4.0, 5.0, 0.0], [5.0, 8.0, 6.0, 5.0])
    assert meet[0].tolist() == [True, True, False, False]  # [0, 5) and [5, 6) only touch.
    assert meet[1, 2]
    assert not meet[0, 3]
    assert torch.equal(meet, meet.T)
