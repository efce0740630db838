"""The processes that train together, one a device; torchrun starts them. Alone, a process is a world of 1.

Every process makes the same plan and the same loss over the whole batch, and encodes only its own part of
it. So what comes out is what one process would compute, but for the order of sums.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from ophclip.device import pick_device

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class World:
    """`size` processes; this one has number `rank` and computes on `device`."""

    rank: int = 0
    size: int = 1
    device: torch.device

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0

    def part(self, total: int) -> slice:
        """This process's share of `total` items, a multiple of `size`."""
        if total % self.size:
            raise ValueError(f"{total} items cannot be shared by {self.size} processes")
        each = total // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def gather(self, own: torch.Tensor) -> torch.Tensor:
        """[b, ...] of every process to [size * b, ...], in the order of ranks; gradients flow back."""
        if self.size == 1:
            return own
        gathered: torch.Tensor = _Gather.apply(own, self)  # type: ignore[no-untyped-call]
        return gathered

    def average_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Take the mean of the processes' gradients, in one message."""
        if self.size == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.size
        sizes = [gradient.numel() for gradient in gradients]
        for gradient, mean in zip(gradients, torch.split(flat, sizes), strict=True):
            gradient.copy_(mean.view_as(gradient))

    def from_main(self, make: Callable[[], T]) -> T:
        """What `make` returns in the main process, in every process; it is called there alone."""
        if self.size == 1:
            return make()
        made: list[Any] = [None]
        fault: BaseException | None = None
        if self.is_main:
            try:
                made = [make()]
            except Exception as err:  # noqa: BLE001 - Told below, when the others no longer wait.
                fault = err
        told = [made[0], fault is not None]
        dist.broadcast_object_list(told, src=0)
        if fault is not None:
            raise fault
        if told[1]:
            raise SystemExit(1)  # The main process tells why.
        return told[0]  # type: ignore[no-any-return]


@contextmanager
def join(device: str) -> Iterator[World]:
    """The world that torchrun's variables describe, on `device` (auto, cpu, cuda).

    Raises:
        ConfigError: there is no such device.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    chosen = pick_device(device)
    if size == 1:
        yield World(device=chosen)
        return
    if chosen.type == "cuda":
        chosen = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(chosen)
    dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield World(rank=dist.get_rank(), size=dist.get_world_size(), device=chosen)
        # Nobody leaves while another still needs the connection, nor while a thread of gloo holds tensors of
        # the last message: letting go of them at the interpreter's end aborts the process.
        dist.barrier()
    finally:
        dist.destroy_process_group()


class _Gather(torch.autograd.Function):
    """All processes compute the same loss of what is gathered, and their gradients are then averaged.

    The gradient that a process finds for its own part is the whole one; times `size`, the mean over
    processes comes to the sum of the parts' contributions.
    """

    @staticmethod
    def forward(ctx: Any, own: torch.Tensor, world: World) -> torch.Tensor:
        ctx.world = world
        parts = [torch.empty_like(own) for _ in range(world.size)]
        dist.all_gather(parts, own.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        world: World = ctx.world
        (whole,) = gradients
        return whole[world.part(len(whole))] * world.size, None
