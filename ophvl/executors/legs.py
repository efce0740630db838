"""The flow of units through their legs: those that wait for the network, then those that compute.

In: tasks in list order, and a crew of workers for each leg. Out: final results, in the order in which they
end. Depth first: what is fetched is computed before more is fetched, and only so much is fetched ahead that
all crews stay busy; else fetched files would fill the disk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

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
    """
    new = {pool: deque(task for task in tasks if task.pool is pool) for pool in crews}
    ready: deque[Task] = deque()
    """Fetched, and waiting for a worker that computes."""
    running: dict[Future[Result], Task] = {}
    compute, fetch = crews[Pool.CPU], crews.get(Pool.NETWORK)
    ahead = max(2 * compute.workers, fetch.workers if fetch else 0)

    def start(pool: Pool, queue: deque[Task]) -> None:
        task = queue.popleft()
        running[crews[pool].submit(task)] = task

    while running or ready or any(new.values()):
        at = {pool: sum(task.pool is pool for task in running.values()) for pool in crews}
        for _ in range(compute.slots - at[Pool.CPU]):
            queue = ready or new[Pool.CPU]
            if queue:
                start(Pool.CPU, queue)
        if fetch:
            free = min(fetch.workers - at[Pool.NETWORK], ahead - at[Pool.NETWORK] - len(ready))
            for _ in range(min(free, len(new[Pool.NETWORK]))):
                start(Pool.NETWORK, new[Pool.NETWORK])
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            task = running.pop(future)
            result = future.result()
            following = onward(task, result)
            if following is None:
                yield result
            else:
                ready.append(following)
