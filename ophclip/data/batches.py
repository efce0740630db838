"""Training batches. In: open shards. Out: batch k of one level, as a pure function of seed and k.

Because batch k depends on nothing else, a resumed run gets exactly the batches that the uninterrupted run
would have got, with any number of loader processes; and every training process knows the rows of the
whole batch, though it decodes only its own slice of them.
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
from ophclip.data.shards import Sample, Shards
from ophclip.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Batch:
    """B rows, and the frames of the b rows that this process encodes.

    Each item has F frames of its own, followed by N context frames; N is 0 without a context.
    """

    rows: tuple[Sample, ...]
    local: slice
    """The b of the B rows that this process encodes."""
    frames: torch.Tensor
    """uint8 [b, F + N, 3, S, S]."""
    context: ContextTimes


@dataclass(frozen=True, kw_only=True)
class ContextTimes:
    """Times of the N context frames of each of b items."""

    offsets_s: torch.Tensor
    """[b, N], seconds from the middle of the item."""
    mask: torch.Tensor
    """bool [b, N]; False where the video has no frame at that time."""

    def select(self, items: slice) -> ContextTimes:
        """Return the times of some of the items."""
        return ContextTimes(offsets_s=self.offsets_s[items], mask=self.mask[items])


def generator(*key: int | str) -> torch.Generator:
    """Return a random generator that is seeded by a key alone, e.g. (seed, "augment", step)."""
    digest = hashlib.sha256(repr(key).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


class FrameStore:
    """Decoded frames of rows, cached in memory if the frames of all rows fit there."""

    def __init__(
        self, shards: Shards, rows: Sequence[Sample], *, config: DataConfig, side: int
    ) -> None:
        self._shards = shards
        self._fit = config.fit
        self._side = side
        frames = sum(len(row.frame_times_s) for row in rows)
        self.in_memory = frames * 3 * side * side <= config.cache_mb * 2**20
        self._cache: dict[str, torch.Tensor] = {}

    def frames(self, row: Sample, indices: Sequence[int]) -> torch.Tensor:
        """Return the frames of `row` with these indices: uint8 [len(indices), 3, S, S].

        Raises:
            DataError: a frame cannot be decoded; names pair and shard.
        """
        if not self.in_memory:
            return self._decode(row, indices)
        if row.pair_id not in self._cache:
            self._cache[row.pair_id] = self._decode(row, range(len(row.frame_times_s)))
        return self._cache[row.pair_id][list(indices)]

    def _decode(self, row: Sample, indices: Sequence[int]) -> torch.Tensor:
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
                for i in indices
            ]
        )


@dataclass(frozen=True, kw_only=True)
class ContextFrames:
    """The frames chosen before and after one item."""

    row: Sample
    """The row that holds these frames."""
    indices: tuple[int, ...]
    """Their indices in `row`."""
    offsets_s: tuple[float, ...]
    """Seconds from the middle of the item."""
    mask: tuple[bool, ...]
    """False where the row has no frame near the requested time."""


@dataclass(frozen=True, kw_only=True)
class ContextSampler:
    """Chooses the frames of a video before and after a span: `count` on either side, `stride_s` apart.

    `videos` holds the video-level row of each video, whose frames cover all of it.
    """

    videos: Mapping[str, Sample]
    count: int
    stride_s: float

    def frames_around(self, row: Sample) -> ContextFrames:
        """Return the context frames of a row, taken from the video-level row where there is one."""
        video = self.videos.get(row.video_id, row)
        return context_frames(
            video, row.start_s, row.end_s, count=self.count, stride_s=self.stride_s
        )


def context_frames(
    row: Sample, start_s: float, end_s: float, *, count: int, stride_s: float
) -> ContextFrames:
    """Return the frames of `row` nearest to the times around a span.

    The requested times are `stride_s`, 2 `stride_s`, ... before `start_s` and after `end_s`, `count` on
    either side, in time order. A frame more than half a stride off is masked.
    """
    times = row.frame_times_s
    middle_s = (start_s + end_s) / 2
    steps = [(i + 1) * stride_s for i in range(count)]
    requested = [start_s - s for s in reversed(steps)] + [end_s + s for s in steps]
    indices = [_nearest(times, time_s) for time_s in requested]
    return ContextFrames(
        row=row,
        indices=tuple(indices),
        offsets_s=tuple(times[i] - middle_s for i in indices),
        mask=tuple(
            abs(times[i] - time_s) <= stride_s / 2
            for i, time_s in zip(indices, requested, strict=True)
        ),
    )


def stack_context(contexts: Sequence[ContextFrames], items: int) -> ContextTimes:
    """Stack the context times of `items` items; N is 0 where `contexts` is empty."""
    if not contexts:
        return ContextTimes(
            offsets_s=torch.zeros(items, 0), mask=torch.zeros(items, 0, dtype=torch.bool)
        )
    return ContextTimes(
        offsets_s=torch.tensor([c.offsets_s for c in contexts]),
        mask=torch.tensor([c.mask for c in contexts]),
    )


def _nearest(times_s: Sequence[float], time_s: float) -> int:
    """Return the index of the time nearest to `time_s`; of two equally near the earlier."""
    after = min(bisect_left(times_s, time_s), len(times_s) - 1)
    before = max(after - 1, 0)
    return before if time_s - times_s[before] <= times_s[after] - time_s else after


class Batches(Dataset[Batch]):
    """Batches k = 0, 1, 2, ... of `rows`: each row at most once an epoch, in a new order each time.

    An epoch leaves out less than one batch: `left_out` rows, different ones in the next epoch, so that
    over the epochs every row is left out equally often.
    """

    def __init__(
        self,
        rows: Sequence[Sample],
        store: FrameStore,
        *,
        batch: int,
        frames: int,
        seed: int,
        shuffle_groups: int,
        name: str,
        partition: Callable[[int], slice] = lambda total: slice(0, total),
        processes: int = 1,
        context: ContextSampler | None = None,
    ) -> None:
        """Prepare the batches of one level.

        Args:
            rows: all rows of the level.
            store: decodes their frames.
            batch: B, over all processes together; lowered to a multiple of `processes`.
            frames: F, the frames drawn from each row.
            seed: of the order and of the frames.
            shuffle_groups: row groups that are shuffled together.
            name: names the level in random keys and messages.
            partition: the slice of B items that this process decodes.
            processes: number of training processes.
            context: chooses context frames; None for none.

        Raises:
            DataError: there are fewer rows than processes.
        """
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
        self._local = partition(self.batch)
        self._context = context
        self._order: tuple[int, list[int]] = (-1, [])

    def __getitem__(self, k: int) -> Batch:
        epoch, position = divmod(k, self.per_epoch)
        if self._order[0] != epoch:
            self._order = (epoch, self.order(epoch))
        chosen = self._order[1][position * self.batch : (position + 1) * self.batch]
        frames, contexts = [], []
        for i in chosen[self._local]:
            row = self.rows[i]
            indices = sample_frame_indices(
                len(row.frame_times_s), self._frames, generator(*self._key, "frames", epoch, i)
            )
            own = self._store.frames(row, indices)
            if self._context is not None:
                context = self._context.frames_around(row)
                contexts.append(context)
                own = torch.cat([own, self._store.frames(context.row, context.indices)])
            frames.append(own)
        return Batch(
            rows=tuple(self.rows[i] for i in chosen),
            local=self._local,
            frames=torch.stack(frames),
            context=stack_context(contexts, len(frames)),
        )

    def order(self, epoch: int) -> list[int]:
        """Return the row indices of one epoch, in batch order."""
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
        """Yield batches start, ..., stop - 1, built in this process or by `workers` loader processes."""
        return iter(
            DataLoader(
                self,
                sampler=range(start, stop),
                batch_size=None,
                num_workers=0 if self._store.in_memory else workers,
                # Arrow's threads do not survive a fork.
                multiprocessing_context="spawn" if workers and not self._store.in_memory else None,
                # A generator of its own: the default would draw from the global one.
                generator=generator(*self._key, "loader"),
            )
        )


def sample_frame_indices(
    total: int, count: int, random: torch.Generator | None = None
) -> list[int]:
    """Return `count` of `total` frame indices in time order, one from each of `count` equal segments.

    Args:
        total: frames there are; where these are fewer than `count`, indices repeat.
        count: indices to return.
        random: draws the index within its segment; None takes the segment's middle.
    """
    if not count:
        return []
    within = torch.full((count,), 0.5) if random is None else torch.rand(count, generator=random)
    positions = (torch.arange(count) + within) * (total / count)
    return positions.long().clamp_(max=total - 1).tolist()
