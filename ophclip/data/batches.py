"""Training batches. In: open shards. Out: batch k of one level, as a pure function of seed and k.

Because batch k depends on nothing else, a resumed run sees exactly the batches that the unbroken run
would have seen, with any number of loader processes; and every process of a world knows the rows of the
whole batch, though it decodes only its own part of them.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch.utils.data import DataLoader, Dataset

from ophclip.config import DataConfig
from ophclip.data.jpeg import decode
from ophclip.data.shards import Row, Shards
from ophclip.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Batch:
    """B rows, and the pictures of those b of them that are this process's `part`.

    N pictures of each item's surroundings follow its own F; N is 0 without a context.
    """

    rows: tuple[Row, ...]
    part: slice
    frames: torch.Tensor
    """uint8 [b, F + N, 3, S, S]."""
    surroundings: Surroundings


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """When the pictures around each of b items were taken."""

    offsets_s: torch.Tensor
    """[b, N], seconds from the middle of the item."""
    found: torch.Tensor
    """bool [b, N]; False where the video has no picture."""

    def part(self, items: slice) -> Surroundings:
        """Those of some of the items."""
        return Surroundings(offsets_s=self.offsets_s[items], found=self.found[items])


def generator(*key: int | str) -> torch.Generator:
    """A random stream of its own for every key, e.g. (seed, "augment", step)."""
    digest = hashlib.sha256(repr(key).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


class FrameStore:
    """Pixels of rows, kept in memory after the first decoding if all of them fit there."""

    def __init__(
        self, shards: Shards, rows: Sequence[Row], *, config: DataConfig, side: int
    ) -> None:
        self._shards = shards
        self._fit = config.fit
        self._side = side
        frames = sum(len(row.frame_times_s) for row in rows)
        self.in_memory = frames * 3 * side * side <= config.cache_mb * 2**20
        self._kept: dict[str, torch.Tensor] = {}

    def frames(self, row: Row, picks: Sequence[int]) -> torch.Tensor:
        """The picked frames of `row`: uint8 [len(picks), 3, S, S].

        Raises:
            DataError: a picture cannot be decoded; names pair and shard.
        """
        if not self.in_memory:
            return self._decode(row, picks)
        if row.pair_id not in self._kept:
            self._kept[row.pair_id] = self._decode(row, range(len(row.frame_times_s)))
        return self._kept[row.pair_id][list(picks)]

    def _decode(self, row: Row, picks: Sequence[int]) -> torch.Tensor:
        jpegs = self._shards.jpegs(row)
        path = self._shards.files[row.file]
        return torch.stack(
            [
                decode(
                    jpegs[i],
                    side=self._side,
                    fit=self._fit,
                    where=f"{path}: frame {i} of pair {row.pair_id}",
                )
                for i in picks
            ]
        )


@dataclass(frozen=True, kw_only=True)
class Beside:
    """The pictures chosen around one item: of which row, which, when, and whether each is there."""

    row: Row
    picks: tuple[int, ...]
    offsets_s: tuple[float, ...]
    found: tuple[bool, ...]


@dataclass(frozen=True, kw_only=True)
class Context:
    """Pictures of a video before and after a span of it: `count` on either side, `stride_s` apart.

    `videos` holds the video-level row of each video, whose pictures cover all of it.
    """

    videos: Mapping[str, Row]
    count: int
    stride_s: float

    def around(self, row: Row) -> Beside:
        """The pictures nearest to the wanted times. One that is half a stride off does not count as there."""
        video = self.videos.get(row.video_id, row)
        return beside(video, row.start_s, row.end_s, count=self.count, stride_s=self.stride_s)


def beside(row: Row, start_s: float, end_s: float, *, count: int, stride_s: float) -> Beside:
    """The pictures of `row` that lie `stride_s`, 2 `stride_s`, ... before `start_s` and after `end_s`."""
    times = row.frame_times_s
    middle_s = (start_s + end_s) / 2
    steps = [(place + 1) * stride_s for place in range(count)]
    wanted = [start_s - s for s in reversed(steps)] + [end_s + s for s in steps]
    picks = [_nearest(times, time_s) for time_s in wanted]
    return Beside(
        row=row,
        picks=tuple(picks),
        offsets_s=tuple(times[p] - middle_s for p in picks),
        found=tuple(
            abs(times[p] - time_s) <= stride_s / 2 for p, time_s in zip(picks, wanted, strict=True)
        ),
    )


def surroundings(around: Sequence[Beside], items: int) -> Surroundings:
    """Those of `items` items together; none of them has any where `around` is empty."""
    if not around:
        return Surroundings(
            offsets_s=torch.zeros(items, 0), found=torch.zeros(items, 0, dtype=torch.bool)
        )
    return Surroundings(
        offsets_s=torch.tensor([b.offsets_s for b in around]),
        found=torch.tensor([b.found for b in around]),
    )


def _nearest(times_s: Sequence[float], time_s: float) -> int:
    after = min(bisect_left(times_s, time_s), len(times_s) - 1)
    before = max(after - 1, 0)
    return before if time_s - times_s[before] <= times_s[after] - time_s else after


class Batches(Dataset[Batch]):
    """Batch k = 0, 1, 2, ... of `rows`: each row at most once an epoch, in a new order each time.

    An epoch leaves out less than one batch: `left_out` rows, others in the next epoch, so that over
    the epochs every row is left out equally often.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        store: FrameStore,
        *,
        batch: int,
        frames: int,
        seed: int,
        shuffle_groups: int,
        name: str,
        part: Callable[[int], slice] = lambda total: slice(0, total),
        processes: int = 1,
        context: Context | None = None,
    ) -> None:
        """`part` tells which of `batch` items, a multiple of `processes`, are decoded here."""
        self.rows = tuple(rows)
        self.batch = min(batch, len(self.rows)) // processes * processes
        if not self.batch:
            raise DataError(
                f"{len(self.rows)} {name} row(s) are too few for {processes} processes; start fewer"
            )
        self.per_epoch = len(self.rows) // self.batch
        self.left_out = len(self.rows) - self.per_epoch * self.batch
        self._store = store
        self._frames = frames
        self._key = (seed, name)
        self._shuffle_groups = shuffle_groups
        self._part = part(self.batch)
        self._context = context
        self._order: tuple[int, list[int]] = (-1, [])

    def __getitem__(self, k: int) -> Batch:
        epoch, place = divmod(k, self.per_epoch)
        if self._order[0] != epoch:
            self._order = (epoch, self.order(epoch))
        chosen = self._order[1][place * self.batch : (place + 1) * self.batch]
        frames, around = [], []
        for i in chosen[self._part]:
            row = self.rows[i]
            picks = spread(
                len(row.frame_times_s), self._frames, generator(*self._key, "frames", epoch, i)
            )
            pictures = self._store.frames(row, picks)
            if self._context is not None:
                beside = self._context.around(row)
                around.append(beside)
                pictures = torch.cat([pictures, self._store.frames(beside.row, beside.picks)])
            frames.append(pictures)
        return Batch(
            rows=tuple(self.rows[i] for i in chosen),
            part=self._part,
            frames=torch.stack(frames),
            surroundings=surroundings(around, len(frames)),
        )

    def order(self, epoch: int) -> list[int]:
        """The row numbers of one epoch, in batch order."""
        n = len(self.rows)
        base = torch.randperm(n, generator=generator(*self._key, "base")).tolist()
        first_out = epoch * self.left_out
        out = {base[(first_out + j) % n] for j in range(self.left_out)}
        random = generator(*self._key, "order", epoch)
        groups: dict[tuple[int, int], list[int]] = {}
        for i, row in enumerate(self.rows):
            if i not in out:
                groups.setdefault((row.file, row.group), []).append(i)
        members = list(groups.values())
        shuffled = [members[g] for g in torch.randperm(len(members), generator=random).tolist()]
        order: list[int] = []
        for start in range(0, len(shuffled), self._shuffle_groups):
            window = [i for group in shuffled[start : start + self._shuffle_groups] for i in group]
            order += [window[j] for j in torch.randperm(len(window), generator=random).tolist()]
        return order

    def stream(self, *, start: int, stop: int, workers: int) -> Iterator[Batch]:
        """Batches start, start + 1, ..., stop - 1, made in process or by `workers` processes."""
        return iter(
            DataLoader(
                self,
                sampler=range(start, stop),
                batch_size=None,
                num_workers=0 if self._store.in_memory else workers,
                # Arrow's threads do not survive a fork.
                multiprocessing_context="spawn" if workers and not self._store.in_memory else None,
                # A stream of its own: the default would draw from the global one.
                generator=generator(*self._key, "loader"),
            )
        )


def spread(total: int, wanted: int, random: torch.Generator | None = None) -> list[int]:
    """`wanted` of `total` frame numbers in time order, one from each of `wanted` equal stretches.

    At random within its stretch, or its middle where `random` is None. Where there are fewer frames
    than wanted, frames repeat.
    """
    if not wanted:
        return []
    within = torch.full((wanted,), 0.5) if random is None else torch.rand(wanted, generator=random)
    positions = (torch.arange(wanted) + within) * (total / wanted)
    return positions.long().clamp_(max=total - 1).tolist()
