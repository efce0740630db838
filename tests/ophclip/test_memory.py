"""The memory bank against brute force."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from ophclip import memory
from ophclip.errors import CheckpointError
from ophclip.memory import MemoryBank, joint


def make_bank(size: int, *, dim: int = 8, channels: list[str | None] | None = None) -> MemoryBank:
    ids = [f"v{i}" for i in range(size)]
    return MemoryBank(ids, channels or [None] * size, [frozenset()] * size, dim=dim)


def fill(bank: MemoryBank, places: list[int], seed: int = 0, step: int = 0) -> None:
    random = torch.Generator().manual_seed(seed)
    visual, title = torch.randn(2, len(places), bank.visual.shape[1], generator=random)
    bank.write(places, F.normalize(visual, dim=-1), F.normalize(title, dim=-1), step=step)


def search(bank: MemoryBank, queries: torch.Tensor, k: int, **kwargs):
    strangers = [f"q{i}" for i in range(len(queries))]
    options = {"key": "joint", "video_ids": strangers, "channel_ids": [None] * len(queries)}
    return bank.search(queries, k, **{**options, **kwargs})


@pytest.mark.parametrize("key", ["joint", "visual", "text"])
@pytest.mark.parametrize("chunk", [7, 10, 1000])
def test_search_equals_brute_force(key, chunk, monkeypatch):
    monkeypatch.setattr(memory, "CHUNK", chunk)
    bank = make_bank(50)
    fill(bank, list(range(0, 50, 2)))
    queries = F.normalize(torch.randn(6, 8, generator=torch.Generator().manual_seed(1)), dim=-1)
    found = search(bank, queries, 5, key=key)
    keys = joint(bank.visual, bank.title, key)
    for i, query in enumerate(queries):
        scores = {place: float(query @ keys[place]) for place in range(0, 50, 2)}
        best = sorted(scores, key=lambda place: -scores[place])[:5]
        assert found.index[i].tolist() == best
        assert found.score[i].tolist() == pytest.approx([scores[b] for b in best])


def test_unfilled_entries_are_never_found():
    bank = make_bank(6)
    fill(bank, [1, 4])
    found = search(bank, torch.randn(3, 8), 4)
    assert found.found.sum(1).tolist() == [2, 2, 2]
    assert set(found.index[found.found].tolist()) == {1, 4}


def test_a_query_never_finds_itself_or_its_own_channel():
    bank = make_bank(4, channels=["a", "b", "a", None])
    fill(bank, [0, 1, 2, 3])
    found = search(
        bank, bank.keys(torch.tensor([0, 1, 3]), "joint"), 4,
        video_ids=["v0", "v1", "v3"], channel_ids=["a", None, None],
    )  # fmt: skip
    places = [sorted(found.index[i][found.found[i]].tolist()) for i in range(3)]
    assert places == [[1, 3], [0, 2, 3], [0, 1, 2]]


def test_unknown_channels_do_not_match_each_other():
    bank = make_bank(3, channels=[None, None, "c"])
    fill(bank, [0, 1, 2])
    found = search(bank, torch.randn(1, 8), 3, channel_ids=["elsewhere"])
    assert found.found.all()


def test_ready_needs_more_entries_than_neighbours():
    bank = make_bank(5)
    fill(bank, [0, 1])
    assert not bank.ready(2)
    fill(bank, [2])
    assert bank.ready(2)


def test_refresh_takes_unfilled_entries_first_and_then_the_stalest():
    bank = make_bank(4)
    assert bank.oldest(2) == [0, 1]
    fill(bank, [2], step=5)
    fill(bank, [0], step=3)
    assert bank.oldest(4) == [1, 3, 0, 2]
    assert bank.mean_age(7) == pytest.approx(3.0)


def test_entries_hold_no_gradient():
    bank = make_bank(2)
    live = torch.randn(1, 8, requires_grad=True)
    bank.write([0], live * 2, live, step=0)
    assert not bank.visual.requires_grad


def test_state_round_trip():
    bank, other = make_bank(5), make_bank(5)
    fill(bank, [1, 3], step=9)
    other.load({name: tensor.clone() for name, tensor in bank.state().items()}, bank.video_ids)
    for name, tensor in bank.state().items():
        assert torch.equal(tensor, other.state()[name])


def test_state_of_other_videos_is_refused():
    bank = make_bank(2)
    with pytest.raises(CheckpointError, match="not the"):
        bank.load(bank.state(), ["v0", "other"])
