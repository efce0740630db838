"""Schedule units over two worker pools: one that waits for the network, then one that computes.

In: tasks in list order, and the worker pools. Out: final results, in the order in which they end. Depth
first: what was downloaded is computed before more is downloaded, and only so much is downloaded ahead as
keeps all workers busy; otherwise downloads would fill the disk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from ophvl.errors import DiskFullError
from schemas.vocab import Pool


class Routed(Protocol):
    """A task: a dataclass with the pool that processes it next."""

    @property
    def pool(self) -> Pool:
        """The pool that processes the task next."""

    @property
    def redelivered(self) -> bool:
        """Whether its first worker died."""


Task = TypeVar("Task", bound=Routed)
Result = TypeVar("Result")
TaskIn = TypeVar("TaskIn", bound=Routed, contravariant=True)
ResultOut = TypeVar("ResultOut")


@dataclass(frozen=True, kw_only=True)
class PoolSpec(Generic[Task, Result]):
    """What the workers of a pool do, and how many there are.

    `setup` is called once in each worker, and returns the function that does a task. It must pickle, like
    tasks and results.
    """

    setup: Callable[[], Callable[[Task], Result]]
    workers: int


class WorkerPool(Protocol[TaskIn, ResultOut]):
    """The running workers of a pool."""

    @property
    def workers(self) -> int:
        """How many workers there are."""

    @property
    def slots(self) -> int:
        """The most tasks submitted at a time: some more than workers, so that none waits for its next."""

    @property
    def health(self) -> Collection[Future[None]]:
        """Futures that fail when the pool cannot continue, also while it has no task."""

    def submit(self, task: TaskIn) -> Future[ResultOut]:
        """Give a task to a worker."""


def schedule(
    pools: Mapping[Pool, WorkerPool[Task, Result]],
    tasks: Sequence[Task],
    *,
    next_task: Callable[[Task, Result], Task | None],
) -> Iterator[Result]:
    """Yield the final result of every task.

    Args:
        pools: the workers of each pool that a task may need.
        tasks: what to do; each begins in the pool that it names.
        next_task: returns the task that follows a result, or None when the result is final.

    Raises:
        DiskFullError: there is no room to download more. What was downloaded is computed first, which may
            make room; any other error, and one of computing, ends the schedule at once.
    """
    state = _Schedule(pools, tasks)
    while state.submit():
        for task, result in state.completed():
            following = next_task(task, result)
            if following is None:
                yield result
            else:
                state.downloaded.append(following)
    if state.disk_full:
        raise state.disk_full


class _Schedule(Generic[Task, Result]):
    """Tasks that have not begun, and tasks that are submitted."""

    def __init__(
        self, pools: Mapping[Pool, WorkerPool[Task, Result]], tasks: Sequence[Task]
    ) -> None:
        self._pools = pools
        self._new = {pool: deque(task for task in tasks if task.pool is pool) for pool in pools}
        self.downloaded: deque[Task] = deque()
        """Tasks that wait for a worker that computes."""
        self._running: dict[Future[Result], Task] = {}
        self._health = {future for pool in pools.values() for future in pool.health}
        self.disk_full: DiskFullError | None = None
        """Why no more is downloaded."""

    def submit(self) -> bool:
        """Give each pool the tasks that it has room for; return whether any is running."""
        compute, network = self._pools[Pool.CPU], self._pools.get(Pool.NETWORK)
        running = {p: sum(task.pool is p for task in self._running.values()) for p in self._pools}
        for _ in range(compute.slots - running[Pool.CPU]):
            queue = self.downloaded or self._new[Pool.CPU]
            if queue:
                self._start(Pool.CPU, queue)
        if network:
            downloading = running[Pool.NETWORK]
            ahead = max(2 * compute.workers, network.workers)
            free = min(network.workers - downloading, ahead - downloading - len(self.downloaded))
            for _ in range(min(free, len(self._new[Pool.NETWORK]))):
                self._start(Pool.NETWORK, self._new[Pool.NETWORK])
        return bool(self._running)

    def _start(self, pool: Pool, queue: deque[Task]) -> None:
        task = queue.popleft()
        self._running[self._pools[pool].submit(task)] = task

    def completed(self) -> Iterator[tuple[Task, Result]]:
        """Wait until a task ends; yield each that has ended, and its result."""
        futures: list[Future[Any]] = [*self._running, *self._health]
        done, _ = wait(futures, return_when=FIRST_COMPLETED)
        for sign in self._health & done:
            sign.result()
        self._health -= done
        for future in self._running.keys() & done:
            task = self._running.pop(future)
            try:
                result = future.result()
            except DiskFullError as err:
                if task.pool is not Pool.NETWORK:
                    raise
                self.disk_full = self.disk_full or err
                self._new[Pool.NETWORK].clear()
            else:
                yield task, result
