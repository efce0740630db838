"""Process units on the machines of a Ray cluster. All of them must reach the dataset folder by its path.

    ophvl ingest --source list.txt --out /shared/out --engine ray --address auto

Each worker is an actor that does one unit at a time. When a worker or its machine dies, its tasks are
redelivered to another, which first looks up what was committed; nothing is lost. ophvl must be installed on
each machine, in the same version. https://docs.ray.io
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Generic

from ophvl.errors import UsageError
from ophvl.run.executors.scheduler import PoolSpec, Result, Task, schedule
from schemas.vocab import Pool

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")

_TASKS_PER_WORKER = 2
"""Tasks assigned to a worker at a time: the next one is sent while it works."""

_POLL_S = 0.05

_MAX_DEATHS = 4
_KILLS_WORKERS = (
    "{}: the processes of {} workers died at it while their machines kept running, so it kills its worker, "
    "most likely for lack of memory; run with fewer workers (--workers), or take it off the list"
)
_NO_CLUSTER = (
    "there is no Ray cluster to join at {}: {}. Start one with `ray start --head`, with the same versions "
    "of Python and Ray on each machine, or leave --address out"
)
_NODE_DIED = "its node has died"
"""Part of Ray's message about an actor whose machine was lost."""

_STOPPED = (
    "Ray cannot continue: {}. What was finished is kept; repair the cluster, then run the same command "
    "again"
)
_MAX_FAILED_STARTS = 5
_NO_START = (
    "workers of the Ray cluster die before they have started; install the same version of ophvl on each "
    "machine, and read Ray's logs there"
)


def run(
    pools: Mapping[Pool, PoolSpec[Task, Result]],
    tasks: Sequence[Task],
    *,
    next_task: Callable[[Task, Result], Task | None],
    address: str | None,
    note: Callable[[str], None],
) -> Iterator[Result]:
    """Yield the result of every task, in the order in which they end.

    Args:
        pools: the work of each pool; 0 workers means one for each GPU of the cluster, or else each core.
        tasks: what to do; each begins in the pool that it names.
        next_task: as for `ophvl.run.executors.scheduler.schedule`.
        address: of the cluster; None starts one on this machine and ends it afterwards.
        note: called with a message when the cluster has no worker left.

    Raises:
        UsageError: there is no Ray, or no cluster at the address, or it cannot continue.
    """
    if not tasks:
        return
    with _connected(address), ExitStack() as stack:
        used = {task.pool for task in tasks} | {Pool.CPU}
        running = {
            pool: stack.enter_context(_ActorPool(pools[pool], pool, len(tasks), note))
            for pool in used
        }
        yield from schedule(running, tasks, next_task=next_task)


@contextmanager
def _connected(address: str | None) -> Iterator[None]:
    try:
        import ray
    except ImportError as err:
        raise UsageError("--engine ray needs Ray: pip install 'ophvl[ray]'") from err
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address is not None:
        ping(address)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        if address is None:
            ray.init(include_dashboard=False, **quiet)
        else:
            ray.init(address=address, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as err:
        raise UsageError(_NO_CLUSTER.format(address, err)) from err
    try:
        yield
    finally:
        ray.shutdown()


def ping(address: str) -> None:
    """Check within seconds that a cluster answers; Ray itself waits five minutes for it.

    Raises:
        UsageError: nothing answers at the address.
    """
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not port.isdecimal():
        return  # "auto", or another name that Ray resolves.
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as err:
        raise UsageError(_NO_CLUSTER.format(address, err)) from err


@dataclass(eq=False)
class _Worker:
    """An actor, whether it has started, and the tasks assigned to it; it works on the first of them."""

    actor: Any
    ready: bool = False
    assigned: list[_Assignment[Any, Any]] = field(default_factory=list)


@dataclass(eq=False)
class _Assignment(Generic[Task, Result]):
    """A task, and the future that waits for its result."""

    task: Task
    future: Future[Result]
    deaths: int = 0
    """How many processes died while they worked on it."""


@dataclass
class _ActorPool(Generic[Task, Result]):
    """A worker pool of actors; a listener thread receives their results and deaths."""

    spec: PoolSpec[Task, Result]
    pool: Pool
    tasks: int
    note: Callable[[str], None]
    _workers: list[_Worker] = field(default_factory=list)
    _calls: dict[Any, tuple[_Worker, _Assignment[Task, Result] | None]] = field(
        default_factory=dict
    )
    """Outstanding calls of actors by Ray's reference: of a task, or (None) of the preparation."""
    _queue: list[_Assignment[Task, Result]] = field(default_factory=list)

    def __post_init__(self) -> None:
        import ray

        cluster: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        gpus = int(cluster.get("GPU", 0)) if self.pool is Pool.CPU else 0
        cores = int(cluster.get("CPU", 1))
        self.workers = min(self.spec.workers or gpus or cores, self.tasks)
        self.slots = self.workers * _TASKS_PER_WORKER
        # A worker that waits for the network takes no core.
        self._resources = {"num_cpus": int(self.pool is Pool.CPU), "num_gpus": min(1, gpus)}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._is_loss_noted = False
        self._failed_starts = 0
        self._failure: Future[None] = Future()
        self.health = (self._failure,)
        self._listener = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> _ActorPool[Task, Result]:
        for _ in range(self.workers):
            self._spawn()
        self._listener.start()
        return self

    def __exit__(self, *error: object) -> None:
        import ray

        self._ended.set()
        self._listener.join()
        for worker in self._workers:
            ray.kill(worker.actor)

    def submit(self, task: Task) -> Future[Result]:
        assignment: _Assignment[Task, Result] = _Assignment(task, Future())
        assignment.future.set_running_or_notify_cancel()
        with self._lock:
            self._queue.append(assignment)
            self._assign()
        return assignment.future

    def _spawn(self) -> None:
        import ray

        options = {**self._resources, "runtime_env": {"env_vars": _ONE_THREAD}}
        worker = _Worker(ray.remote(_ActorBody).options(**options).remote(self.spec.setup))
        self._workers.append(worker)
        self._calls[worker.actor.prepare.remote()] = worker, None

    def _assign(self) -> None:
        """Give queued tasks to the workers that have the fewest."""
        while self._queue:
            free = [w for w in self._workers if w.ready and len(w.assigned) < _TASKS_PER_WORKER]
            if not free:
                return
            worker = min(free, key=lambda w: len(w.assigned))
            assignment = self._queue.pop(0)
            worker.assigned.append(assignment)
            self._calls[worker.actor.work.remote(assignment.task)] = worker, assignment

    def _listen(self) -> None:
        """Receive what becomes of the calls; an error here ends the run."""
        import ray

        try:
            while not self._ended.is_set():
                self._poll()
        except ray.exceptions.RayError as err:
            self._failure.set_exception(UsageError(_STOPPED.format(err)))
        except BaseException as err:  # noqa: BLE001  Else the run waits for ever.
            self._failure.set_exception(err)

    def _poll(self) -> None:
        import ray

        with self._lock:
            calls = list(self._calls)
        if not calls:
            self._ended.wait(_POLL_S)
            return
        done, _ = ray.wait(calls, num_returns=len(calls), timeout=0)
        if not done:
            done, _ = ray.wait(calls, num_returns=1, timeout=_POLL_S)
        for ref in done:
            with self._lock:
                self._receive(ref)
                self._assign()

    def _receive(self, ref: Any) -> None:
        """Take in the end of a call: a result, an error, or the death of its worker.

        Raises:
            BaseException: what keeps the workers from starting, or Ray from continuing.
        """
        import ray

        worker, assignment = self._calls.pop(ref)
        try:
            result = ray.get(ref)
        except (
            ray.exceptions.RayActorError,
            ray.exceptions.NodeDiedError,
            ray.exceptions.OutOfMemoryError,
        ) as err:
            self._replace(worker, err)
            if assignment:
                was_running = assignment is worker.assigned[0]
                self._redeliver(assignment, is_blamed=was_running and not _is_machine_lost(err))
        except ray.exceptions.RayTaskError as err:
            # An error of the work itself.
            if not assignment:
                raise err.cause from err
            worker.assigned.remove(assignment)
            assignment.future.set_exception(err.cause)
        else:
            if assignment:
                worker.assigned.remove(assignment)
                assignment.future.set_result(result)
            else:
                worker.ready, self._is_loss_noted, self._failed_starts = True, False, 0

    def _replace(self, dead: _Worker, err: Exception) -> None:
        """Spawn another worker for one that died, once.

        Raises:
            UsageError: they all die before they are ready.
        """
        import ray

        if dead not in self._workers:
            return
        self._workers.remove(dead)
        self._failed_starts = 0 if dead.ready else self._failed_starts + 1
        # One that just does not answer may be alive: its tasks would be done twice.
        ray.kill(dead.actor)
        if self._failed_starts > _MAX_FAILED_STARTS:
            raise UsageError(f"{_NO_START}: {err}")
        self._spawn()
        if not any(other.ready for other in self._workers) and not self._is_loss_noted:
            self._is_loss_noted = True
            self.note("no worker of the Ray cluster is left; waiting for machines to join it")

    def _redeliver(self, assignment: _Assignment[Task, Result], *, is_blamed: bool) -> None:
        """Queue a task for another worker, unless it is what kills them."""
        deaths = assignment.deaths + is_blamed
        if deaths == _MAX_DEATHS:
            message = _KILLS_WORKERS.format(assignment.task, deaths)
            assignment.future.set_exception(UsageError(message))
            return
        task: Any = replace(assignment.task, redelivered=True)  # type: ignore[type-var]
        self._queue.insert(0, _Assignment(task, assignment.future, deaths=deaths))


def _is_machine_lost(err: Exception) -> bool:
    """Tell whether a worker was lost with its machine or the connection to it, not just its process."""
    import ray

    lost = (ray.exceptions.ActorUnavailableError, ray.exceptions.NodeDiedError)
    return isinstance(err, lost) or _NODE_DIED in str(err)


class _ActorBody:
    """What runs on the machines of the cluster."""

    def __init__(self, setup: Callable[[], Callable[[Any], Any]]) -> None:
        self._setup = setup

    def prepare(self) -> None:
        """Get ready to work; errors of that reach the caller as they are."""
        self._work = self._setup()

    def work(self, task: Any) -> Any:
        """Do a task."""
        return self._work(task)
