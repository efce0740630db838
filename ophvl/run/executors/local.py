"""Work on units in this process, or in pools of single-threaded processes on this machine."""

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
from ophvl.run.executors.scheduler import Leg, Result, Task, flow
from schemas.vocab import Pool

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")

_setup: Callable[[], Callable[[Any], object]]
"""Gives what a pool process does with a task; set once when the process starts."""


def run(
    legs: Mapping[Pool, Leg[Task, Result]],
    tasks: Sequence[Task],
    *,
    onward: Callable[[Task, Result], Task | None],
) -> Iterator[Result]:
    """Yield the result of every task, in the order in which they end.

    One worker that computes works in this process, unless something is to be fetched meanwhile.

    Args:
        legs: the work of each pool and how many workers share it.
        tasks: what to do, each by the pool that it names first; they must pickle.
        onward: as for `ophvl.run.executors.scheduler.flow`.

    Raises:
        UsageError: a process was killed from outside, which is nearly always for lack of memory.
    """
    if not tasks:
        return
    used = {task.pool for task in tasks} | {Pool.CPU}
    if used == {Pool.CPU} and legs[Pool.CPU].workers == 1:
        work = legs[Pool.CPU].setup()
        yield from (work(task) for task in tasks)
        return
    with _single_threaded(), ExitStack() as stack:
        crews = {pool: stack.enter_context(_Processes(legs[pool], len(tasks))) for pool in used}
        try:
            yield from flow(crews, tasks, onward=onward)
        except BaseException as err:
            # A worker may be asleep until its turn, an hour from now: none is waited for.
            for child in multiprocessing.active_children():
                child.terminate()
            if not isinstance(err, BrokenProcessPool):
                raise
            raise UsageError(
                "a worker process was killed, most likely for lack of memory; what was finished is "
                "kept. Run the same command again with fewer workers than "
                f"{legs[Pool.CPU].workers} (--workers)"
            ) from err


class _Processes(Generic[Task, Result]):
    """The workers of a leg, as processes."""

    def __init__(self, leg: Leg[Task, Result], tasks: int) -> None:
        self.workers = min(leg.workers, tasks)
        self.slots = self.workers + 2
        self.alive: list[Future[None]] = []
        self._pool = ProcessPoolExecutor(
            self.workers,
            multiprocessing.get_context("spawn"),
            initializer=_start,
            initargs=(leg.setup,),
        )

    def __enter__(self) -> _Processes[Task, Result]:
        # All start now: the death of one that starts later is not noticed until another task ends.
        self.alive = [self._pool.submit(_begin) for _ in range(self.workers)]
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def submit(self, task: Task) -> Future[Result]:
        return self._pool.submit(_do, task)


def _start(setup: Callable[[], Callable[[Task], Result]]) -> None:
    global _setup
    # The parent decides on Ctrl-C; workers end with it, also when it is killed.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _setup = setup


@cache
def _work() -> Callable[[Any], object]:
    """Get ready, once: a fault of that comes out of a task, where one of `_start` would look like a death."""
    return _setup()


def _begin() -> None:
    """Start a process, and get it ready."""
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
    """Processes started inside use one thread each: two threads under load were five times slower."""
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
