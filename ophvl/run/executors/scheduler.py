"""The flow of units through their legs: those that wait for the network, then those that compute.

In: tasks in list order, and a crew of workers for each leg. Out: final results, in the order in which they
end. Depth first: what is fetched is computed before more is fetched, and only so much is fetched ahead that
all crews stay busy; else fetched files would fill the disk.
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
    """A dataclass that says which leg takes it up, and whether a worker died at it."""

    @property
    def pool(self) -> Pool: ...

    @property
    def again(self) -> bool: ...


Task = TypeVar("Task", bound=Routed)
Result = TypeVar("Result")
Handed = TypeVar("Handed", bound=Routed, contravariant=True)
Made = TypeVar("Made")


@dataclass(frozen=True, kw_only=True)
class Leg(Generic[Task, Result]):
    """`setup` is called once in each of the `workers`, and gives the function that does a task.

    It must pickle, like tasks and results.
    """

    setup: Callable[[], Callable[[Task], Result]]
    workers: int


class Crew(Protocol[Handed, Made]):
    """The workers of one leg."""

    @property
    def workers(self) -> int: ...

    @property
    def slots(self) -> int:
        """Tasks handed out at a time: some more than workers, so that none waits for its next."""
        ...

    @property
    def alive(self) -> Collection[Future[None]]:
        """What fails when the crew cannot go on, also while it has no task."""
        ...

    def submit(self, task: Handed) -> Future[Made]: ...


def flow(
    crews: Mapping[Pool, Crew[Task, Result]],
    tasks: Sequence[Task],
    *,
    onward: Callable[[Task, Result], Task | None],
) -> Iterator[Result]:
    """Yield the final result of every task.

    Args:
        crews: the workers of each leg that a task may need.
        tasks: what to do; each begins at the leg that it names.
        onward: what a leg's result leads to: the task for the next leg, or None when it is final.

    Raises:
        DiskFullError: there is no room to fetch more. What was fetched is computed first, which may make
            room; any other fault, and one of computing, ends the flow at once.
    """
    state = _Flow(crews, tasks)
    while state.hand_out():
        for task, result in state.ended():
            following = onward(task, result)
            if following is None:
                yield result
            else:
                state.ready.append(following)
    if state.full:
        raise state.full


class _Flow(Generic[Task, Result]):
    """What is not yet begun, and what the crews have in hand."""

    def __init__(self, crews: Mapping[Pool, Crew[Task, Result]], tasks: Sequence[Task]) -> None:
        self._crews = crews
        self._new = {pool: deque(task for task in tasks if task.pool is pool) for pool in crews}
        self.ready: deque[Task] = deque()
        """Fetched, and waiting for a worker that computes."""
        self._running: dict[Future[Result], Task] = {}
        self._alive = {future for crew in crews.values() for future in crew.alive}
        self.full: DiskFullError | None = None
        """Why no more is fetched."""

    def hand_out(self) -> bool:
        """Give each crew what it can take; return whether any has work."""
        compute, fetch = self._crews[Pool.CPU], self._crews.get(Pool.NETWORK)
        at = {p: sum(task.pool is p for task in self._running.values()) for p in self._crews}
        for _ in range(compute.slots - at[Pool.CPU]):
            queue = self.ready or self._new[Pool.CPU]
            if queue:
                self._start(Pool.CPU, queue)
        if fetch:
            ahead = max(2 * compute.workers, fetch.workers)
            free = min(fetch.workers - at[Pool.NETWORK], ahead - at[Pool.NETWORK] - len(self.ready))
            for _ in range(min(free, len(self._new[Pool.NETWORK]))):
                self._start(Pool.NETWORK, self._new[Pool.NETWORK])
        return bool(self._running)

    def _start(self, pool: Pool, queue: deque[Task]) -> None:
        task = queue.popleft()
        self._running[self._crews[pool].submit(task)] = task

    def ended(self) -> Iterator[tuple[Task, Result]]:
        """Wait until a task ends; yield each that did, and its result."""
        waited: list[Future[Any]] = [*self._running, *self._alive]
        done, _ = wait(waited, return_when=FIRST_COMPLETED)
        for sign in self._alive & done:
            sign.result()
        self._alive -= done
        for future in self._running.keys() & done:
            task = self._running.pop(future)
            try:
                result = future.result()
            except DiskFullError as err:
                if task.pool is not Pool.NETWORK:
                    raise
                self.full = self.full or err
                self._new[Pool.NETWORK].clear()
            else:
                yield task, result
