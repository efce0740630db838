"""Losses against slow loops, written from the formulas."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from ophclip.losses import contrastive


def unit(rows: int, dim: int, seed: int) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(rows, dim, generator=random, dtype=torch.float64), dim=-1)


def slow_info_nce(a, b, scale, neutral_mask, weights):
    n = len(a)
    total = weight_sum = 0.0
    for i in range(n):
        for first, second in ((a, b), (b, a)):
            exponents = {
                j: scale * float(first[i] @ second[j])
                for j in range(n)
                if j == i or not (neutral_mask[i][j] if first is a else neutral_mask[j][i])
            }
            log_sum = math.log(sum(math.exp(x) for x in exponents.values()))
            total += weights[i] * (log_sum - exponents[i]) / 2
        weight_sum += weights[i]
    return total / weight_sum


@pytest.mark.parametrize("seed", [0, 1])
def test_info_nce_equals_the_slow_reference(seed):
    a, b = unit(6, 5, seed), unit(6, 5, seed + 10)
    random = torch.Generator().manual_seed(seed)
    neutral_mask = torch.rand(6, 6, generator=random) < 0.3
    weights = torch.rand(6, generator=random, dtype=torch.float64)
    fast = contrastive.info_nce(a, b, torch.tensor(7.0), neutral_mask=neutral_mask, weights=weights)
    assert float(fast) == pytest.approx(
        slow_info_nce(a, b, 7.0, neutral_mask, weights.tolist()), abs=1e-10
    )


def test_info_nce_without_mask_is_the_mean_of_both_cross_entropies():
    a, b = unit(4, 3, 0), unit(4, 3, 1)
    target = torch.arange(4)
    both = (F.cross_entropy(10 * a @ b.T, target) + F.cross_entropy(10 * b @ a.T, target)) / 2
    assert torch.isclose(contrastive.info_nce(a, b, torch.tensor(10.0)), both)


def test_info_nce_gradient_equals_finite_differences():
    a, b = unit(4, 3, 2).requires_grad_(), unit(4, 3, 3).requires_grad_()
    scale = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    neutral_mask = torch.zeros(4, 4, dtype=torch.bool)
    neutral_mask[0, 2] = neutral_mask[2, 0] = True
    assert torch.autograd.gradcheck(
        lambda x, y, s: contrastive.info_nce(x, y, s, neutral_mask=neutral_mask), (a, b, scale)
    )


def test_masked_items_neither_attract_nor_repel():
    a, b = unit(3, 4, 4).requires_grad_(), unit(3, 4, 5)
    neutral_mask = torch.ones(3, 3, dtype=torch.bool)
    loss = contrastive.info_nce(a, b, torch.tensor(5.0), neutral_mask=neutral_mask)
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert a.grad is not None
    assert not a.grad.any()


def test_a_perfect_match_at_high_scale_costs_nothing():
    eye = torch.eye(4)
    assert float(contrastive.info_nce(eye, eye, torch.tensor(100.0))) == pytest.approx(
        0.0, abs=1e-6
    )


def test_weight_zero_takes_a_pair_out_of_the_mean():
    a, b = unit(3, 4, 6), unit(3, 4, 7)
    weights = torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64)
    each = [
        slow_info_nce(a, b, 2.0, torch.zeros(3, 3), [float(i == j) for j in range(3)])
        for i in range(3)
    ]
    fast = contrastive.info_nce(a, b, torch.tensor(2.0), weights=weights)
    assert float(fast) == pytest.approx((each[0] + each[2]) / 2)


def test_pool_neighbours_equals_the_slow_reference():
    scores = torch.tensor([[0.9, 0.5, float("-inf")], [0.1, 0.2, 0.3]], dtype=torch.float64)
    values = unit(6, 4, 8).view(2, 3, 4)
    pooled = contrastive.pool_neighbours(scores, values, 0.1)
    for i in range(2):
        raw = [math.exp(float(s) / 0.1) for s in scores[i]]
        mixed = sum(w / sum(raw) * values[i, j] for j, w in enumerate(raw))
        assert torch.allclose(pooled[i], mixed / mixed.norm())


def test_pooling_without_any_neighbour_gives_zeros_and_finite_gradients():
    scores = torch.tensor([[float("-inf")] * 2, [0.5, float("-inf")]])
    values = unit(4, 3, 8).float().view(2, 2, 3).requires_grad_()
    pooled = contrastive.pool_neighbours(scores, values, 0.1)
    pooled.sum().backward()
    assert not pooled[0].any()
    assert torch.allclose(pooled[1], values[1, 0])
    assert values.grad is not None
    assert values.grad.isfinite().all()
    assert contrastive.neighbour_weights(scores, 0.1).tolist() == [[0.0, 0.0], [1.0, 0.0]]


def test_retrieval_equals_two_cross_modal_terms():
    visual, title, near_visual, near_title = (unit(4, 5, seed) for seed in (9, 10, 11, 12))
    no = torch.zeros(4, 4)
    loss = contrastive.retrieval(visual, title, near_visual, near_title, torch.tensor(4.0))
    slow = (
        slow_info_nce(visual, near_title, 4.0, no, [1.0] * 4)
        + slow_info_nce(title, near_visual, 4.0, no, [1.0] * 4)
    ) / 2
    assert float(loss) == pytest.approx(slow)


def slow_multi_positive(a, candidates, positives, scale, neutral_mask, weights):
    rows, columns = range(len(a)), range(len(candidates))
    logit = [[scale * float(a[i] @ candidates[j]) for j in columns] for i in rows]
    total = mass = 0.0
    for i in rows:
        row_sum = sum(float(positives[i][j]) for j in columns)
        for j in columns:
            share = weights[i] * float(positives[i][j]) / row_sum if row_sum else 0.0
            if not share:
                continue
            counts = [  # For row i, then for column j: the logits that compete.
                [logit[i][n] for n in columns if positives[i][n] > 0 or not neutral_mask[i][n]],
                [logit[m][j] for m in rows if positives[m][j] > 0 or not neutral_mask[m][j]],
            ]
            for rivals in counts:
                total += share / 2 * (math.log(sum(math.exp(x) for x in rivals)) - logit[i][j])
            mass += share
    return total / mass if mass else 0.0


@pytest.mark.parametrize("seed", range(8))
def test_multi_positive_equals_the_slow_reference(seed):
    random = torch.Generator().manual_seed(seed)
    a, candidates = unit(5, 4, seed), unit(7, 4, seed + 50)
    positives = torch.rand(5, 7, generator=random, dtype=torch.float64)
    positives = positives * (torch.rand(5, 7, generator=random) < 0.3)
    positives[seed % 5] = 0.0  # A query without neighbour.
    neutral_mask = torch.rand(5, 7, generator=random) < 0.4
    weights = torch.rand(5, generator=random, dtype=torch.float64)
    fast = contrastive.multi_positive(
        a, candidates, positives, torch.tensor(6.0), neutral_mask=neutral_mask, weights=weights
    )
    slow = slow_multi_positive(a, candidates, positives, 6.0, neutral_mask, weights.tolist())
    assert float(fast) == pytest.approx(slow, abs=1e-10)


def test_multi_positive_with_one_positive_each_is_info_nce():
    a, b = unit(5, 4, 0), unit(5, 4, 1)
    neutral_mask = torch.rand(5, 5, generator=torch.Generator().manual_seed(0)) < 0.4
    weights = torch.tensor([1.0, 0.0, 0.3, 2.0, 1.0], dtype=torch.float64)
    scale, eye = torch.tensor(9.0), torch.eye(5, dtype=torch.bool)
    several = contrastive.multi_positive(
        a, b, eye, scale, neutral_mask=neutral_mask, weights=weights
    )
    single = contrastive.info_nce(a, b, scale, neutral_mask=neutral_mask, weights=weights)
    assert torch.isclose(several, single)


def test_multi_positive_gradient_equals_finite_differences():
    a, b = unit(3, 4, 2).requires_grad_(), unit(5, 4, 3).requires_grad_()
    scale = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    positives = torch.tensor([[0.7, 0.3, 0, 0, 0], [0, 0.5, 0.5, 0, 0], [0, 0, 0, 0, 0]])
    neutral_mask = torch.zeros(3, 5, dtype=torch.bool)
    neutral_mask[2] = neutral_mask[:, 4] = True
    assert torch.autograd.gradcheck(
        lambda x, y, s: contrastive.multi_positive(x, y, positives, s, neutral_mask=neutral_mask),
        (a, b, scale),
    )


@pytest.mark.parametrize("every", [True, False])
def test_multi_positive_without_any_positive_is_zero_with_finite_gradients(every):
    a = unit(2, 4, 0).requires_grad_()
    neutral_mask = torch.full((2, 3), every)
    no = torch.zeros(2, 3)
    loss = contrastive.multi_positive(
        a, unit(3, 4, 1), no, torch.tensor(5.0), neutral_mask=neutral_mask
    )
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert a.grad is not None
    assert not a.grad.any()


def test_multi_positive_is_least_where_the_shares_meet_the_targets():
    """Two queries, one neighbour for both at equal shares: the softmax can match, at the entropy."""
    same = torch.eye(2)[[0, 0]]
    loss = contrastive.multi_positive(same, same, torch.ones(2, 2), torch.tensor(50.0))
    assert float(loss) == pytest.approx(math.log(2))


def test_no_gradient_passes_into_targets():
    positives = torch.rand(3, 3, requires_grad=True)
    a = unit(3, 4, 0).float().requires_grad_()
    contrastive.multi_positive(a, unit(3, 4, 1).float(), positives, torch.tensor(5.0)).backward()
    assert positives.grad is None
    assert a.grad is not None


def test_neighbour_targets_gather_each_entry_once():
    index = torch.tensor([[7, 2, 0], [2, 9, 0], [0, 0, 0]])
    weights = torch.tensor([[0.75, 0.25, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 0.0]])
    places, targets = contrastive.neighbour_targets(index, weights)
    assert places.tolist() == [2, 7, 9]
    assert targets.tolist() == [[0.25, 0.75, 0.0], [0.5, 0.0, 0.5], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize("seed", range(5))
def test_neighbour_targets_equal_the_slow_reference(seed):
    random = torch.Generator().manual_seed(seed)
    index = torch.randint(0, 12, (6, 4), generator=random)
    weights = torch.rand(6, 4, generator=random, dtype=torch.float64)
    weights = weights * (torch.rand(6, 4, generator=random) < 0.7)
    places, targets = contrastive.neighbour_targets(index, weights)
    slow: dict[tuple[int, int], float] = {}
    for i in range(6):
        for j in range(4):
            if weights[i, j] > 0:
                cell = (i, int(index[i, j]))
                slow[cell] = slow.get(cell, 0.0) + float(weights[i, j])
    assert places.tolist() == sorted({place for _, place in slow})
    for i in range(6):
        assert targets[i].tolist() == pytest.approx([slow.get((i, int(p)), 0.0) for p in places])


def test_fused_equals_the_slow_reference_and_keeps_items_without_neighbours():
    visual, pooled = unit(3, 4, 0), unit(3, 4, 1)
    pooled[1] = 0.0
    mixed = contrastive.fused(visual, pooled, 0.4)
    for i in range(3):
        raw = [float(v) + 0.4 * float(r) for v, r in zip(visual[i], pooled[i], strict=True)]
        length = math.sqrt(sum(x * x for x in raw))
        assert mixed[i].tolist() == pytest.approx([x / length for x in raw])
    assert torch.allclose(mixed[1], visual[1])


def each_form(visual, title, neighbours, scores):
    """The three retrieval forms on neighbours [B, K, D]."""
    scale = torch.tensor(5.0)
    pooled = contrastive.pool_neighbours(scores, neighbours, 0.1)
    weights = contrastive.neighbour_weights(scores, 0.1)
    index = torch.arange(scores.numel()).view(scores.shape)
    places, targets = contrastive.neighbour_targets(index, weights)
    flat = neighbours.flatten(0, 1)[places]
    return {
        "pooled": contrastive.retrieval(visual, title, pooled, pooled, scale),
        "multi_positive": contrastive.multi_positive(visual, flat, targets, scale),
        "fused": contrastive.info_nce(contrastive.fused(visual, pooled, 0.5), title, scale),
    }


@pytest.mark.parametrize("form", ["pooled", "multi_positive", "fused"])
@pytest.mark.parametrize("detached", [True, False])
def test_gradients_reach_neighbours_unless_the_caller_detaches_them(form, detached):
    visual = unit(3, 4, 0).float().requires_grad_()
    neighbours = unit(6, 4, 2).float().view(3, 2, 4).requires_grad_()
    scores = torch.tensor([[0.9, 0.8], [0.7, float("-inf")], [0.5, 0.45]])
    given = neighbours.detach() if detached else neighbours
    each_form(visual, unit(3, 4, 1).float(), given, scores)[form].backward()
    assert visual.grad is not None
    assert visual.grad.any()
    if detached:
        assert neighbours.grad is None
        return
    assert neighbours.grad is not None
    reached = neighbours.grad.abs().sum(-1) > 0
    assert reached.tolist() == [[True, True], [True, False], [True, True]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("autocast", [True, False])
def test_half_precision_is_computed_in_float32(dtype, autocast):
    a, b = unit(6, 8, 0).to(dtype), unit(6, 8, 1).to(dtype)
    scale = torch.tensor(100.0)
    positives = torch.rand(6, 6, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", dtype=dtype, enabled=autocast):
        nce = contrastive.info_nce(a, b, scale, weights=torch.ones(6, dtype=dtype))
        several = contrastive.multi_positive(a, b, positives, scale)
        wide = contrastive.info_nce(a.float(), b.float(), scale)
        pooled = contrastive.pool_neighbours(positives[:, :2], b[:, None].expand(-1, 2, -1), 0.1)
    assert nce.dtype == several.dtype == pooled.dtype == torch.float32
    assert float(nce) == pytest.approx(
        slow_info_nce(a.double(), b.double(), 100.0, torch.zeros(6, 6), [1.0] * 6), rel=1e-5
    )
    assert float(wide) == float(nce)
    slow = slow_multi_positive(
        a.double(), b.double(), positives.double(), 100.0, torch.zeros(6, 6), [1.0] * 6
    )
    assert float(several) == pytest.approx(slow, rel=1e-5)


def test_duplicates_cost_log_two_unless_ignored():
    a = torch.eye(3)[[0, 0]]
    neutral_mask = torch.ones(2, 2, dtype=torch.bool)
    assert float(contrastive.info_nce(a, a, torch.tensor(100.0))) == pytest.approx(math.log(2))
    assert float(contrastive.info_nce(a, a, torch.tensor(100.0), neutral_mask=neutral_mask)) == 0.0


@pytest.mark.parametrize("zero", [[0, 1], [0]])
def test_weights_of_zero_and_a_fully_masked_row_leave_gradients_finite(zero):
    a, b = unit(2, 4, 0).requires_grad_(), unit(2, 4, 1).requires_grad_()
    scale = torch.tensor(100.0, requires_grad=True)
    neutral_mask = torch.tensor([[False, True], [False, False]])
    weights = torch.ones(2, dtype=torch.float64)
    weights[zero] = 0.0
    loss = contrastive.info_nce(a, b, scale, neutral_mask=neutral_mask, weights=weights)
    loss.backward()
    slow = (
        slow_info_nce(a.detach(), b.detach(), 100.0, neutral_mask, weights.tolist())
        if 1 not in zero
        else 0.0
    )
    assert float(loss.detach()) == pytest.approx(slow)
    for tensor in (a, b, scale):
        assert tensor.grad is not None
        assert tensor.grad.isfinite().all()


def test_same_text_ignores_case_and_blanks():
    same = contrastive.same_text(["The lens.", "the  LENS. ", "a lens."])
    assert same.tolist() == [[True, True, False], [True, True, False], [False, False, True]]


def test_spans_overlap_only_within_a_video_and_only_with_shared_time():
    meet = contrastive.overlapping(["a", "a", "a", "b"], [0.0, 4.0, 5.0, 0.0], [5.0, 8.0, 6.0, 5.0])
    assert meet[0].tolist() == [True, True, False, False]  # [0, 5) and [5, 6) only touch.
    assert meet[1, 2]
    assert not meet[0, 3]
    assert torch.equal(meet, meet.T)
