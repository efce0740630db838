"""The processes that train together, one a device; torchrun starts them. A process alone is a group of 1.

Every process makes the same plan and computes the same loss over the whole batch, and encodes only its own
share of it. So the result is what one process would compute, but for the order of sums.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from ophclip.device import pick_device

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class ProcessGroup:
    """`size` processes; this one has number `rank` and computes on `device`."""

    rank: int = 0
    size: int = 1
    device: torch.device

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes files and prints."""
        return self.rank == 0

    def share(self, total: int) -> slice:
        """Return this process's share of `total` items, a multiple of `size`."""
        if total % self.size:
            raise ValueError(f"{total} items cannot be shared by {self.size} processes")
        each = total // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def share_of(self, items: Sequence[T]) -> list[T]:
        """Return this process's share of `items`; the last one is repeated until all shares are equal."""
        padded = [*items, *list(items[-1:]) * (-len(items) % self.size)]
        return padded[self.share(len(padded))]

    def gather(self, own: torch.Tensor) -> torch.Tensor:
        """Join [b, ...] of every process to [size * b, ...], in the order of ranks; gradients flow back."""
        if self.size == 1:
            return own
        gathered: torch.Tensor = _Gather.apply(own, self)  # type: ignore[no-untyped-call]
        return gathered

    def average_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Replace each gradient by the mean over the processes, in one message."""
        if self.size == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.size
        sizes = [gradient.numel() for gradient in gradients]
        for gradient, mean in zip(gradients, torch.split(flat, sizes), strict=True):
            gradient.copy_(mean.view_as(gradient))

    def from_main(self, compute: Callable[[], T]) -> T:
        """Call `compute` in the main process alone, and return its result in every process."""
        if self.size == 1:
            return compute()
        result: Any = None
        error: BaseException | None = None
        if self.is_main:
            try:
                result = compute()
            except Exception as err:  # noqa: BLE001 - Raised below, when the others no longer wait.
                error = err
        message = [result, error is not None]
        dist.broadcast_object_list(message, src=0)
        if error is not None:
            raise error
        if message[1]:
            raise SystemExit(1)  # The main process prints the error.
        return message[0]  # type: ignore[no-any-return]


@contextmanager
def join(device: str) -> Iterator[ProcessGroup]:
    """Join the group that torchrun's variables describe, on `device` (auto, cpu, cuda).

    Raises:
        ConfigError: there is no such device.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    chosen = pick_device(device)
    if size == 1:
        yield ProcessGroup(device=chosen)
        return
    if chosen.type == "cuda":
        chosen = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(chosen)
    dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield ProcessGroup(rank=dist.get_rank(), size=dist.get_world_size(), device=chosen)
        # No process leaves while another still needs the connection, nor while a thread of gloo holds tensors
        # of the last message: releasing them at the interpreter's end aborts the process.
        dist.barrier()
    finally:
        dist.destroy_process_group()


class _Gather(torch.autograd.Function):
    """All processes compute the same loss of the gathered embeddings, and their gradients are then averaged.

    The gradient that a process computes for its own share is the whole one; times `size`, the mean over
    processes comes to the sum of the shares' contributions.
    """

    @staticmethod
    def forward(ctx: Any, own: torch.Tensor, group: ProcessGroup) -> torch.Tensor:
        ctx.group = group
        shares = [torch.empty_like(own) for _ in range(group.size)]
        dist.all_gather(shares, own.contiguous())
        return torch.cat(shares)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        group: ProcessGroup = ctx.group
        (whole,) = gradients
        return whole[group.share(len(whole))] * group.size, None
