"""Process units in this process, or in pools of single-threaded processes on this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any, Generic

from ophvl.errors import UsageError
from ophvl.run.executors.scheduler import PoolSpec, Result, Task, schedule
from schemas.vocab import Pool

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")

_setup: Callable[[], Callable[[Any], object]]
"""Returns the function that does a task; set once when a pool process starts."""


def run(
    pools: Mapping[Pool, PoolSpec[Task, Result]],
    tasks: Sequence[Task],
    *,
    next_task: Callable[[Task, Result], Task | None],
) -> Iterator[Result]:
    """Yield the result of every task, in the order in which they end.

    A single worker that computes is this process, unless a task needs the network pool.

    Args:
        pools: the work of each pool and how many workers share it.
        tasks: what to do; each begins in the pool that it names.
        next_task: as for `ophvl.run.executors.scheduler.schedule`.

    Raises:
        UsageError: a process was killed from outside, which is nearly always for lack of memory.
    """
    if not tasks:
        return
    used = {task.pool for task in tasks} | {Pool.CPU}
    if used == {Pool.CPU} and pools[Pool.CPU].workers == 1:
        work = pools[Pool.CPU].setup()
        yield from (work(task) for task in tasks)
        return
    with _single_threaded(), ExitStack() as stack:
        running = {
            pool: stack.enter_context(_ProcessPool(pools[pool], len(tasks))) for pool in used
        }
        try:
            yield from schedule(running, tasks, next_task=next_task)
        except BaseException as err:
            # A worker may sleep for an hour until its host allows a request: do not wait for any.
            for child in multiprocessing.active_children():
                child.terminate()
            if not isinstance(err, BrokenProcessPool):
                raise
            raise UsageError(
                "a worker process was killed, most likely for lack of memory; what was finished is "
                "kept. Run the same command again with fewer workers than "
                f"{pools[Pool.CPU].workers} (--workers)"
            ) from err


class _ProcessPool(Generic[Task, Result]):
    """A worker pool of processes."""

    def __init__(self, spec: PoolSpec[Task, Result], tasks: int) -> None:
        self.workers = min(spec.workers, tasks)
        self.slots = self.workers + 2
        self.health: list[Future[None]] = []
        self._executor = ProcessPoolExecutor(
            self.workers,
            multiprocessing.get_context("spawn"),
            initializer=_start,
            initargs=(spec.setup,),
        )

    def __enter__(self) -> _ProcessPool[Task, Result]:
        # All start now: the death of one that starts later is not noticed until another task ends.
        self.health = [self._executor.submit(_prepare) for _ in range(self.workers)]
        return self

    def __exit__(self, *error: object) -> None:
        self._executor.shutdown(cancel_futures=True)

    def submit(self, task: Task) -> Future[Result]:
        return self._executor.submit(_do, task)


def _start(setup: Callable[[], Callable[[Task], Result]]) -> None:
    global _setup
    # The parent decides on Ctrl-C; workers end with it, also when it is killed.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _setup = setup


@cache
def _work() -> Callable[[Any], object]:
    """Prepare this process once; an error in `_start` would look like the death of the process."""
    return _setup()


def _prepare() -> None:
    """Start a process and prepare it."""
    _work()


def _do(task: object) -> Any:
    return _work()(task)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _single_threaded() -> Iterator[None]:
    """Give processes started inside one thread each: two threads under load were five times slower."""
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
