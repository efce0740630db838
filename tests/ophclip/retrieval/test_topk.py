"""The k largest, against sorting in Python."""

from __future__ import annotations

import pytest
import torch

from ophclip.retrieval.topk import top_k


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("levels", [2, 4, 1000])
def test_equals_a_stable_sort(seed, levels):
    random = torch.Generator().manual_seed(seed)
    scores = torch.randint(
        0, levels, (5, 9), generator=random
    ).float()  # With 2 levels, most are equal.
    scores[torch.rand(5, 9, generator=random) < 0.4] = float("-inf")
    k = 1 + seed % 12
    values, columns = top_k(scores, k)
    for row, value, column in zip(scores.tolist(), values.tolist(), columns.tolist(), strict=True):
        slow = sorted(range(9), key=lambda j: (-row[j], j))[:k]
        assert column == slow
        assert value == [row[j] for j in slow]
