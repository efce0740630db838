"""Work on units in this process, or in a pool of single-threaded processes on this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

from ophvl.errors import UsageError

Task = TypeVar("Task")
Result = TypeVar("Result")

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")

_work: Callable[[object], object]
"""What a pool process does with a task; set once when the process starts."""


def run(
    setup: Callable[[], Callable[[Task], Result]], tasks: Iterable[Task], *, workers: int
) -> Iterator[Result]:
    """Yield the result of every task, in the order in which they end.

    Args:
        setup: called once in each process; gives the function that does a task. It must pickle.
        tasks: what to do; each must pickle.
        workers: 1 works in this process, more work in as many others.

    Raises:
        UsageError: a process was killed from outside, which is nearly always for lack of memory.
    """
    if workers == 1:
        work = setup()
        yield from (work(task) for task in tasks)
        return
    context = multiprocessing.get_context("spawn")
    with (
        _single_threaded(),
        ProcessPoolExecutor(workers, context, initializer=_start, initargs=(setup,)) as pool,
    ):
        futures: list[Future[Result]] = [pool.submit(_do, task) for task in tasks]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool as err:
            raise UsageError(
                "a worker process was killed, most likely for lack of memory; what was finished is "
                f"kept. Run the same command again with fewer workers than {workers} (--workers)"
            ) from err
        finally:
            pool.shutdown(cancel_futures=True)


def _start(setup: Callable[[], Callable[[Task], Result]]) -> None:
    global _work
    # The parent decides on Ctrl-C; workers end with it, also when it is killed.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _work = setup()  # type: ignore[assignment]  # One pool serves one kind of task.


def _do(task: Task) -> Result:  # type: ignore[type-var]
    return _work(task)  # type: ignore[return-value]


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
