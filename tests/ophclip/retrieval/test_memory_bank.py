"""The memory bank against brute force."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from ophclip.retrieval import memory_bank
from ophclip.retrieval.memory_bank import MemoryBank, Neighbours, joint


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


def test_a_joint_key_is_the_normalised_sum():
    visual, title = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    assert joint(visual, title, "joint")[0].tolist() == pytest.approx([0.5**0.5] * 2)
    assert joint(visual, title, "visual") is visual
    assert joint(visual, title, "text") is title


@pytest.mark.parametrize("key", ["joint", "visual", "text"])
@pytest.mark.parametrize("chunk", [7, 10, 1000])
def test_search_equals_brute_force(key, chunk, monkeypatch):
    monkeypatch.setattr(memory_bank, "CHUNK", chunk)
    bank = make_bank(50)
    fill(bank, list(range(0, 50, 2)))
    queries = F.normalize(torch.randn(6, 8, generator=torch.Generator().manual_seed(1)), dim=-1)
    neighbours = search(bank, queries, 5, key=key)
    keys = joint(bank.visual, bank.title, key)
    for i, query in enumerate(queries):
        scores = {place: float(query @ keys[place]) for place in range(0, 50, 2)}
        best = sorted(scores, key=lambda place: -scores[place])[:5]
        assert neighbours.index[i].tolist() == best
        assert neighbours.score[i].tolist() == pytest.approx([scores[b] for b in best])


def test_unfilled_entries_are_never_found():
    bank = make_bank(6)
    fill(bank, [1, 4])
    neighbours = search(bank, torch.randn(3, 8), 4)
    assert neighbours.mask.sum(1).tolist() == [2, 2, 2]
    assert set(neighbours.index[neighbours.mask].tolist()) == {1, 4}


def test_a_query_never_finds_itself_or_its_own_channel():
    bank = make_bank(4, channels=["a", "b", "a", None])
    fill(bank, [0, 1, 2, 3])
    neighbours = search(
        bank, bank.keys(torch.tensor([0, 1, 3]), "joint"), 4,
        video_ids=["v0", "v1", "v3"], channel_ids=["a", None, None],
    )  # fmt: skip
    places = [sorted(neighbours.index[i][neighbours.mask[i]].tolist()) for i in range(3)]
    assert places == [[1, 3], [0, 2, 3], [0, 1, 2]]


def test_unknown_channels_do_not_match_each_other():
    bank = make_bank(3, channels=[None, None, "c"])
    fill(bank, [0, 1, 2])
    neighbours = search(bank, torch.randn(1, 8), 3, channel_ids=["elsewhere"])
    assert neighbours.mask.all()


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
    assert not bank.title.requires_grad


def names(kind: str, size: int, among: int, random: torch.Generator) -> list[str | None]:
    """Names drawn from `among`, about a third unknown."""
    numbers = torch.randint(0, among * 3 // 2 + 1, (size,), generator=random).tolist()
    return [f"{kind}{n}" if n < among else None for n in numbers]


def crowded(seed: int):
    """A bank of windows with channels and groups, some unfilled, and queries that share all of these.

    Embeddings are small whole numbers, so that inner products are exact and often equal.
    """
    random = torch.Generator().manual_seed(seed)
    size, count = 40, 9
    videos = [f"v{i // 3}" for i in range(size)]  # Three windows of a video.
    channels, groups = names("c", size, 4, random), names("g", size, 3, random)
    bank = MemoryBank(videos, channels, [frozenset()] * size, dim=4, groups=groups)
    filled = torch.rand(size, generator=random) < 0.7
    places = filled.nonzero()[:, 0].tolist()
    visual, title = torch.randint(-1, 2, (2, len(places), 4), generator=random).float()
    bank.write(places, visual, title, step=0)
    queries = torch.randint(-1, 2, (count, 4), generator=random).float()
    asked = {
        "video_ids": [f"v{n}" for n in torch.randint(0, 20, (count,), generator=random).tolist()],
        "channel_ids": names("c", count, 6, random),
        "groups": names("g", count, 5, random),
    }
    eligible = [
        [
            place
            for place in places
            if videos[place] != asked["video_ids"][i]
            and (channels[place] is None or channels[place] != asked["channel_ids"][i])
            and (groups[place] is None or groups[place] != asked["groups"][i])
        ]
        for i in range(count)
    ]
    return bank, queries, asked, eligible


@pytest.mark.parametrize("seed", range(25))
def test_exclusions_and_ties_equal_brute_force(seed, monkeypatch):
    monkeypatch.setattr(memory_bank, "CHUNK", (1, 7, 13, 39, 40, 41, 1000)[seed % 7])
    bank, queries, asked, eligible = crowded(seed)
    k = (1, 4, 39, 60)[seed % 4]
    for key in ("visual", "text"):
        neighbours = bank.search(queries, k, key=key, **asked)
        keys = bank.visual if key == "visual" else bank.title
        for i, query in enumerate(queries):
            best = sorted(eligible[i], key=lambda p: (-float(query @ keys[p]), p))[:k]
            got = neighbours.mask[i]
            assert neighbours.index[i][got].tolist() == best
            assert neighbours.score[i][got].tolist() == [float(query @ keys[p]) for p in best]
            assert got.tolist() == [True] * len(best) + [False] * (k - len(best))
            assert not neighbours.index[i][~got].any()
            assert neighbours.sets()[i] == set(best)


@pytest.mark.parametrize("seed", range(12))
def test_random_neighbours_are_eligible_distinct_and_repeatable(seed, monkeypatch):
    bank, queries, asked, eligible = crowded(seed)
    k = (1, 4, 60)[seed % 3]
    results = []
    for chunk in (1000, 7):
        monkeypatch.setattr(memory_bank, "CHUNK", chunk)
        random = torch.Generator().manual_seed(seed)
        results.append(
            bank.search(queries, k, key="visual", choice="random", generator=random, **asked)
        )
    neighbours = results[0]
    assert torch.equal(neighbours.index, results[1].index)
    for i, query in enumerate(queries):
        places = neighbours.index[i][neighbours.mask[i]].tolist()
        assert len(set(places)) == len(places) == min(k, len(eligible[i]))
        assert set(places) <= set(eligible[i])
        scores = neighbours.score[i][neighbours.mask[i]].tolist()
        assert scores == [float(query @ bank.visual[p]) for p in places]
        assert places == sorted(places, key=lambda p: (-float(query @ bank.visual[p]), p))


def test_random_neighbours_are_of_equal_chance():
    bank = make_bank(6)
    fill(bank, [0, 1, 2, 4])
    random = torch.Generator().manual_seed(0)
    queries = bank.keys(torch.zeros(3000, dtype=torch.int64), "joint")
    neighbours = search(bank, queries, 2, choice="random", generator=random)
    counts = neighbours.index.flatten().bincount(minlength=6).tolist()
    assert counts[3] == counts[5] == 0
    assert [counts[p] for p in (0, 1, 2, 4)] == pytest.approx([1500] * 4, rel=0.08)


@pytest.mark.parametrize("choice", ["nearest", "random"])
def test_an_empty_bank_finds_nothing(choice):
    neighbours = search(make_bank(0), torch.randn(2, 8), 3, choice=choice)
    assert neighbours.index.tolist() == [[0] * 3] * 2
    assert not neighbours.mask.any()


@pytest.mark.parametrize("choice", ["nearest", "random"])
def test_a_query_that_is_not_finite_finds_nothing(choice):
    bank = make_bank(4)
    fill(bank, [0, 1, 2])
    queries = torch.stack([torch.full((8,), float("nan")), bank.visual[0]])
    neighbours = search(bank, queries, 2, key="visual", choice=choice)
    assert neighbours.mask.sum(1).tolist() == [0, 2]


def test_search_is_exact_within_autocast():
    bank = make_bank(30)
    fill(bank, list(range(30)))
    queries = F.normalize(torch.randn(4, 8, generator=torch.Generator().manual_seed(3)), dim=-1)
    plain = search(bank, queries, 5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = search(bank, queries, 5)
    assert cast.score.dtype == torch.float32
    assert torch.equal(plain.index, cast.index)
    assert torch.equal(plain.score, cast.score)


def test_an_equal_title_alone_excludes_nothing():
    bank = make_bank(2)
    same = F.normalize(torch.ones(2, 8), dim=-1)
    bank.write([0, 1], same, same, step=0)
    assert search(bank, same[:1], 2, key="text").mask.all()


def test_the_same_writes_make_the_same_bank():
    one, other = make_bank(5), make_bank(5)
    for bank in (one, other):
        fill(bank, [4, 1], seed=1, step=3)
        bank.write([], torch.zeros(0, 8), torch.zeros(0, 8), step=4)
    for name, tensor in one.state().items():
        assert torch.equal(tensor, other.state()[name])
    assert one.filled.tolist() == [False, True, False, False, True]


def found_sets(*rows: list[int]) -> Neighbours:
    """Neighbours of whole width 3; the rest has none."""
    index = torch.tensor([row + [0] * (3 - len(row)) for row in rows])
    score = torch.tensor([[1.0] * len(row) + [float("-inf")] * (3 - len(row)) for row in rows])
    return Neighbours(index=index, score=score)


def test_overlap_is_the_mean_jaccard_index_with_the_search_before():
    bank = make_bank(10)
    assert bank.overlap(found_sets([1, 2, 3], [4]), ["a", "b"]) is None
    assert bank.overlap(found_sets([9]), ["c"]) is None
    assert bank.overlap(found_sets([2, 3, 5], [4], [6]), ["a", "b", "d"]) == pytest.approx(0.75)
    assert bank.overlap(found_sets([2, 3, 5]), ["a"]) == 1.0
    assert bank.overlap(found_sets([]), ["a"]) == 0.0
    assert bank.overlap(found_sets([]), ["a"]) is None  # Nothing then, nothing now.


def test_hit_rate_counts_pairs_of_known_surgeries():
    surgeries = [frozenset({"x"}), frozenset({"y", "x"}), frozenset(), frozenset({"y"})]
    bank = MemoryBank(["a", "b", "c", "d"], [None] * 4, surgeries, dim=2)
    neighbours = found_sets([0, 1, 2], [3], [0, 1])
    rate = bank.hit_rate(neighbours, [frozenset({"y"}), frozenset({"x"}), frozenset()])
    assert rate == pytest.approx(1 / 3)  # 0: no, 1: yes, 2: unknown, 3: no.
    assert bank.hit_rate(neighbours, [frozenset()] * 3) is None


def test_age_of_an_empty_bank_is_zero():
    assert make_bank(3).mean_age(5) == 0.0


def test_state_round_trip(tmp_path):
    bank, other = make_bank(5), make_bank(5)
    fill(bank, [1, 3], step=9)
    bank.overlap(found_sets([1, 3], []), ["a", "b"])
    save_file(bank.state(), tmp_path / "bank.safetensors")
    other.load(load_file(tmp_path / "bank.safetensors"))
    for name, tensor in bank.state().items():
        assert torch.equal(tensor, other.state()[name])
    now = found_sets([3], [1])
    assert other.overlap(now, ["a", "b"]) == bank.overlap(now, ["a", "b"]) == 0.25


def test_a_fresh_bank_can_be_saved_and_loaded(tmp_path):
    bank, other = make_bank(2), make_bank(2)
    save_file(bank.state(), tmp_path / "bank.safetensors")
    other.load(load_file(tmp_path / "bank.safetensors"))
    assert other.overlap(found_sets([1]), ["a"]) is None


def test_a_state_without_remembered_neighbours_can_be_loaded():
    bank, other = make_bank(3), make_bank(3)
    fill(bank, [2])
    other.overlap(found_sets([1]), ["a"])
    state = {name: x for name, x in bank.state().items() if not name.startswith("last_")}
    other.load(state)
    assert other.filled.tolist() == [False, False, True]
    assert other.overlap(found_sets([1]), ["a"]) is None


def test_entries_that_were_never_written_come_before_those_written_at_the_first_step():
    bank = MemoryBank(["a", "b", "c"], [None] * 3, [frozenset()] * 3, dim=2)
    bank.write([0], torch.eye(2)[:1], torch.eye(2)[:1], step=0)
    assert bank.oldest(3) == [1, 2, 0]


def test_an_empty_name_is_an_unknown_one():
    bank = MemoryBank(["v0", "v1"], ["", None], [frozenset()] * 2, dim=2)
    bank.write(range(2), torch.eye(2), torch.eye(2), step=0)
    assert search(bank, torch.ones(2, 2), 2, key="text", channel_ids=["", None]).mask.all()
