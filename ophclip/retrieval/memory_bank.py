"""Memory bank of silent videos or their windows: embeddings, written as training goes, searched exactly."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F

from ophclip.data.shards import Sample
from ophclip.retrieval.topk import top_k

CHUNK = 32_768
"""Entries compared at once: bounds the memory of a search by queries x CHUNK numbers."""

Key = Literal["joint", "visual", "text"]
Choice = Literal["nearest", "random"]
"""`random` is the control: whatever the neighbours gain must be more than these gain."""

_NO_ENTRY, _NO_QUERY = -1, -2
"""Codes of an unknown channel or group. They differ, so that two unknowns never match."""


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """What a search returns. Without an eligible entry the index is 0 and the score -inf."""

    index: torch.Tensor
    """int64 [B, K], best first; of equal scores the lower index first."""
    score: torch.Tensor
    """[B, K], inner products; -inf where `mask` is False."""

    @property
    def mask(self) -> torch.Tensor:
        """Return bool [B, K]: False where there is no eligible entry."""
        return self.score.isfinite()

    def sets(self) -> list[frozenset[int]]:
        """Return the set of neighbours of each query."""
        rows = zip(self.index.tolist(), self.mask.tolist(), strict=True)
        return [frozenset(i for i, ok in zip(*row, strict=True) if ok) for row in rows]


class MemoryBank:
    """N entries of D dimensions, of one silent video each; a video may have several (its windows).

    Holds no gradient. A search returns filled entries only. It never returns an entry of the query's own
    video, nor one of its own channel or of its own group of duplicates where both are known. An equal
    title alone excludes nothing: many videos are called "Cataract surgery", and these are the neighbours
    that a search is for.

    Every change is a function of its arguments alone, so that ranks which make the same calls hold the
    same bank.
    """

    def __init__(
        self,
        video_ids: Sequence[str],
        channel_ids: Sequence[str | None],
        surgeries: Sequence[frozenset[str]],
        *,
        dim: int,
        groups: Sequence[str | None] | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        """Make an empty bank.

        Args:
            video_ids, channel_ids, surgeries: of the N entries; a video id may occur several times.
            groups: of the entries' videos, the same for videos that are copies of one another.
        """
        size = len(video_ids)
        self.video_ids = tuple(video_ids)
        self.surgeries = tuple(surgeries)
        self._owners = (
            _Codes(video_ids, device),
            _Codes(channel_ids, device),
            _Codes(groups if groups is not None else [None] * size, device),
        )
        self.visual = torch.zeros(size, dim, device=device)
        self.title = torch.zeros(size, dim, device=device)
        self.filled = torch.zeros(size, dtype=torch.bool, device=device)
        self.written = torch.zeros(size, dtype=torch.int64, device=device)
        self._last: dict[int, frozenset[int]] = {}

    @classmethod
    def of_rows(
        cls, rows: Sequence[Sample], *, dim: int, device: torch.device | str = "cpu"
    ) -> MemoryBank:
        """Make an empty bank with an entry for each row."""
        return cls(
            [row.video_id for row in rows],
            [row.channel_id for row in rows],
            [row.surgeries for row in rows],
            dim=dim,
            device=device,
        )

    def __len__(self) -> int:
        return len(self.video_ids)

    def ready(self, k: int) -> bool:
        """Tell whether more than k entries are filled, so that a search for k has something to choose."""
        return int(self.filled.sum()) > k

    def oldest(self, count: int) -> list[int]:
        """Return the entries to refresh next: unfilled ones, then those written longest ago."""
        order = torch.where(self.filled, self.written, -1).argsort(stable=True)
        return order[:count].tolist()

    def write(
        self, entries: Sequence[int], visual: torch.Tensor, title: torch.Tensor, *, step: int
    ) -> None:
        """Overwrite entries with normalised embeddings [len(entries), D]."""
        index = torch.tensor(list(entries), dtype=torch.int64, device=self.visual.device)
        self.visual[index] = visual.detach().to(self.visual)
        self.title[index] = title.detach().to(self.title)
        self.filled[index] = True
        self.written[index] = step

    @torch.no_grad()
    def search(
        self,
        queries: torch.Tensor,
        k: int,
        *,
        key: Key,
        video_ids: Sequence[str],
        channel_ids: Sequence[str | None],
        groups: Sequence[str | None] | None = None,
        choice: Choice = "nearest",
        generator: torch.Generator | None = None,
    ) -> Neighbours:
        """Return the k eligible entries of largest inner product for each query [B, D], by exact search.

        Args:
            k: at least 1; may be more than there are eligible entries.
            video_ids, channel_ids, groups: of the queries; entries of the same are left out.
            choice: with "random", k eligible entries of equal chance instead, with their inner products.
            generator: on the CPU, for "random".
        """
        device = self.visual.device
        names = (video_ids, channel_ids, groups if groups is not None else [None] * len(queries))
        codes = [own.of(asked) for own, asked in zip(self._owners, names, strict=True)]
        queries = queries.to(self.visual)
        with torch.autocast(device.type, enabled=False):
            if choice == "random":
                return self._draw(queries, k, key, codes, generator)
            return self._nearest(queries, k, key, codes)

    def _nearest(
        self, queries: torch.Tensor, k: int, key: Key, codes: list[torch.Tensor]
    ) -> Neighbours:
        device = self.visual.device
        best = torch.full((len(queries), k), float("-inf"), device=device)
        index = torch.zeros((len(queries), k), dtype=torch.int64, device=device)
        for part, eligible in self._eligible(codes):
            places = torch.arange(len(self), device=device)[part]
            score = queries @ self.keys(places, key).T
            score = score.masked_fill(~(eligible & score.isfinite()), float("-inf"))
            best, chosen = top_k(torch.cat([best, score], dim=1), k)
            places = places.expand(len(queries), -1)
            index = torch.cat([index, places], dim=1).gather(1, chosen)
        return Neighbours(index=index.masked_fill(~best.isfinite(), 0), score=best)

    def _draw(
        self,
        queries: torch.Tensor,
        k: int,
        key: Key,
        codes: list[torch.Tensor],
        generator: torch.Generator | None,
    ) -> Neighbours:
        device = self.visual.device
        score = torch.full((len(queries), k), float("-inf"), device=device)
        index = torch.zeros((len(queries), k), dtype=torch.int64, device=device)
        for i in range(len(queries)):
            row = [code[i : i + 1] for code in codes]
            masks = [eligible[0] for _, eligible in self._eligible(row)]
            places = torch.cat(masks).nonzero()[:, 0] if masks else index[i, :0]
            drawn = torch.randperm(len(places), generator=generator)[:k].sort().values
            places = places[drawn.to(device)]
            value = self.keys(places, key) @ queries[i]
            order = value.argsort(descending=True, stable=True)
            index[i, : len(places)] = places[order]
            score[i, : len(places)] = value[order]
        return Neighbours(index=index.masked_fill(~score.isfinite(), 0), score=score)

    def _eligible(self, codes: list[torch.Tensor]) -> Iterator[tuple[slice, torch.Tensor]]:
        """Yield each chunk of the entries, and bool [B, chunk]: which of them are eligible for each query."""
        for start in range(0, len(self), CHUNK):
            part = slice(start, start + CHUNK)
            barred = ~self.filled[part][None]
            for own, asked in zip(self._owners, codes, strict=True):
                barred = barred | (own.codes[part][None] == asked[:, None])
            yield part, ~barred

    def keys(self, index: torch.Tensor, key: Key) -> torch.Tensor:
        """Return the keys of the entries `index` (any shape), with a last dimension D."""
        return joint(self.visual[index], self.title[index], key)

    def mean_age(self, step: int) -> float:
        """Return the mean steps since the filled entries were written; 0 while none is."""
        age = (step - self.written[self.filled]).double()
        return float(age.mean()) if len(age) else 0.0

    def hit_rate(self, neighbours: Neighbours, surgeries: Sequence[frozenset[str]]) -> float | None:
        """Return the share of the neighbours that show a surgery of their query's, where both are known.

        Args:
            surgeries: of the queries.
        """
        hits = [
            bool(known & self.surgeries[entry])
            for known, entries in zip(surgeries, neighbours.sets(), strict=True)
            for entry in entries
            if known and self.surgeries[entry]
        ]
        return sum(hits) / len(hits) if hits else None

    def overlap(self, neighbours: Neighbours, names: Sequence[str]) -> float | None:
        """Return how much the neighbours stay the same, and remember them.

        That is the mean Jaccard index |A & B| / |A | B| of each query's neighbours now and the last time.

        Args:
            names: of the queries: their video ids, or ids of windows.

        Returns:
            None while no query occurred before (or none had neighbours then or now).
        """
        now = list(zip(map(_number, names), neighbours.sets(), strict=True))
        pairs = [(self._last[name], places) for name, places in now if name in self._last]
        shares = [len(old & new) / len(old | new) for old, new in pairs if old | new]
        self._last.update(now)
        return sum(shares) / len(shares) if shares else None

    def state(self) -> dict[str, torch.Tensor]:
        """Return all tensors that change, for a checkpoint."""
        rows = [(name, place) for name, places in self._last.items() for place in sorted(places)]
        return {
            "visual": self.visual,
            "title": self.title,
            "filled": self.filled,
            "written": self.written,
            "last_names": torch.tensor(list(self._last), dtype=torch.int64),
            "last_found": torch.tensor(rows, dtype=torch.int64).view(-1, 2),
        }

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """Load the saved state of a bank of the same rows; remembered neighbours may be missing."""
        for name in ("visual", "title", "filled", "written"):
            getattr(self, name).copy_(state[name])
        names = state.get("last_names", torch.zeros(0)).tolist()
        neighbours: dict[int, set[int]] = {name: set() for name in names}
        for name, entry in state.get("last_found", torch.zeros(0, 2)).tolist():
            neighbours[name].add(entry)
        self._last = {name: frozenset(entries) for name, entries in neighbours.items()}


class _Codes:
    """Names of the entries as numbers: the same name, the same number; None matches nothing."""

    def __init__(self, names: Sequence[str | None], device: torch.device | str) -> None:
        known = dict.fromkeys(name for name in names if name)
        self._number: dict[str | None, int] = {name: i for i, name in enumerate(known)}
        self.codes = self._tensor(names, _NO_ENTRY, device)

    def of(self, names: Sequence[str | None]) -> torch.Tensor:
        """int64 [len(names)], to compare with `codes`."""
        return self._tensor(names, _NO_QUERY, self.codes.device)

    def _tensor(
        self, names: Sequence[str | None], unknown: int, device: torch.device | str
    ) -> torch.Tensor:
        numbers = [self._number.get(name, unknown) for name in names]
        return torch.tensor(numbers, dtype=torch.int64, device=device)


def joint(visual: torch.Tensor, title: torch.Tensor, key: Key) -> torch.Tensor:
    """Return a query or key made of the visual embedding, the title's, or their normalised sum."""
    if key == "visual":
        return visual
    return title if key == "text" else F.normalize(visual + title, dim=-1)


def _number(name: str) -> int:
    """Return a name as 64 bits, so that a checkpoint's tensors can hold it."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True)
