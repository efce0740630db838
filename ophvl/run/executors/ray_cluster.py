"""Work on units on the machines of a Ray cluster. All of them must reach the dataset folder by its path.

    ophvl ingest --source list.txt --out /shared/out --engine ray --address auto

Each worker is an actor that does one unit at a time. When a worker or its machine dies, what it had in hand
is given to another, which looks first for what was committed; nothing is lost. ophvl must be installed on
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
from ophvl.run.executors.scheduler import Leg, Result, Task, flow
from schemas.vocab import Pool

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")

_IN_HAND = 2
"""Units that a worker has at a time: the next one travels while it works."""

_LOOK_S = 0.05

_DEATHS = 4
_DEADLY = (
    "{}: the processes of {} workers died at it while their machines lived on, so it kills its worker, most "
    "likely for lack of memory; run with fewer workers (--workers), or take it off the list"
)
_NO_CLUSTER = (
    "there is no Ray cluster to join at {}: {}. Start one with `ray start --head`, with the same versions "
    "of Python and Ray on each machine, or leave --address out"
)
_NODE_DIED = "its node has died"
"""How Ray words the death of an actor whose machine went."""

_STOPPED = (
    "Ray cannot go on: {}. What was finished is kept; see to the cluster, then run the same command "
    "again"
)
_STILLBORN = 5
_NO_START = (
    "workers of the Ray cluster die before they have started; install the same version of ophvl on each "
    "machine, and look into Ray's logs there"
)


def run(
    legs: Mapping[Pool, Leg[Task, Result]],
    tasks: Sequence[Task],
    *,
    onward: Callable[[Task, Result], Task | None],
    address: str | None,
    note: Callable[[str], None],
) -> Iterator[Result]:
    """Yield the result of every task, in the order in which they end.

    Args:
        legs: the work of each pool; 0 workers are one for each GPU of the cluster, or else each core.
        tasks: what to do, each by the pool that it names first.
        onward: as for `ophvl.run.executors.scheduler.flow`.
        address: of the cluster; None starts one on this machine and ends it afterwards.
        note: told when the cluster has no worker left.

    Raises:
        UsageError: there is no Ray, or no cluster at the address, or it cannot go on.
    """
    if not tasks:
        return
    with _connected(address), ExitStack() as stack:
        used = {task.pool for task in tasks} | {Pool.CPU}
        crews = {
            pool: stack.enter_context(_Actors(legs[pool], pool, len(tasks), note)) for pool in used
        }
        yield from flow(crews, tasks, onward=onward)


@contextmanager
def _connected(address: str | None) -> Iterator[None]:
    try:
        import ray
    except ImportError as err:
        raise UsageError("--engine ray needs Ray: pip install -e '.[ray]'") from err
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address is not None:
        knock(address)
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


def knock(address: str) -> None:
    """Ray waits five minutes for a cluster that does not answer; this takes seconds.

    Raises:
        UsageError: nobody answers at the address.
    """
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not port.isdecimal():
        return  # "auto", or a name of Ray's.
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as err:
        raise UsageError(_NO_CLUSTER.format(address, err)) from err


@dataclass(eq=False)
class _Worker:
    """An actor: whether it has started, and what it has in hand. The first of that it works at."""

    actor: Any
    ready: bool = False
    in_hand: list[_Call[Any, Any]] = field(default_factory=list)


@dataclass(eq=False)
class _Call(Generic[Task, Result]):
    """A task, and the future that waits for its result."""

    task: Task
    future: Future[Result]
    deaths: int = 0
    """How many processes died while they worked at it."""


@dataclass
class _Actors(Generic[Task, Result]):
    """The workers of one leg, as actors. One thread of ours hears what becomes of them."""

    leg: Leg[Task, Result]
    pool: Pool
    tasks: int
    note: Callable[[str], None]
    _workers: list[_Worker] = field(default_factory=list)
    _asked: dict[Any, tuple[_Worker, _Call[Task, Result] | None]] = field(default_factory=dict)
    """What workers were asked for: to do a task, or (None) to get ready."""
    _unsent: list[_Call[Task, Result]] = field(default_factory=list)

    def __post_init__(self) -> None:
        import ray

        cluster: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        gpus = int(cluster.get("GPU", 0)) if self.pool is Pool.CPU else 0
        cores = int(cluster.get("CPU", 1))
        self.workers = min(self.leg.workers or gpus or cores, self.tasks)
        self.slots = self.workers * _IN_HAND
        # What waits for the network takes no core.
        self._needs = {"num_cpus": int(self.pool is Pool.CPU), "num_gpus": min(1, gpus)}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._told = False
        self._stillborn = 0
        self._life: Future[None] = Future()
        self.alive = (self._life,)
        self._ear = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> _Actors[Task, Result]:
        for _ in range(self.workers):
            self._hire()
        self._ear.start()
        return self

    def __exit__(self, *error: object) -> None:
        import ray

        self._ended.set()
        self._ear.join()
        for worker in self._workers:
            ray.kill(worker.actor)

    def submit(self, task: Task) -> Future[Result]:
        call: _Call[Task, Result] = _Call(task, Future())
        call.future.set_running_or_notify_cancel()
        with self._lock:
            self._unsent.append(call)
            self._send()
        return call.future

    def _hire(self) -> None:
        import ray

        remote = ray.remote(_Hand).options(**self._needs, runtime_env={"env_vars": _ONE_THREAD})
        worker = _Worker(remote.remote(self.leg.setup))
        self._workers.append(worker)
        self._asked[worker.actor.ready.remote()] = worker, None

    def _send(self) -> None:
        """Give what waits to the workers that have the least in hand."""
        while self._unsent:
            able = [w for w in self._workers if w.ready and len(w.in_hand) < _IN_HAND]
            if not able:
                return
            worker = min(able, key=lambda w: len(w.in_hand))
            call = self._unsent.pop(0)
            worker.in_hand.append(call)
            self._asked[worker.actor.work.remote(call.task)] = worker, call

    def _listen(self) -> None:
        """Hear what becomes of the workers; where this ends by a fault, so does the run."""
        import ray

        try:
            while not self._ended.is_set():
                self._look()
        except ray.exceptions.RayError as err:
            self._life.set_exception(UsageError(_STOPPED.format(err)))
        except BaseException as err:  # noqa: BLE001  Else the run waits for ever.
            self._life.set_exception(err)

    def _look(self) -> None:
        import ray

        with self._lock:
            waited = list(self._asked)
        if not waited:
            self._ended.wait(_LOOK_S)
            return
        done, _ = ray.wait(waited, num_returns=len(waited), timeout=0)
        if not done:
            done, _ = ray.wait(waited, num_returns=1, timeout=_LOOK_S)
        for ref in done:
            with self._lock:
                self._hear(ref)
                self._send()

    def _hear(self, ref: Any) -> None:
        """Learn what became of a worker that starts or of a task.

        Raises:
            BaseException: what keeps the workers from getting ready, or Ray from going on.
        """
        import ray

        worker, call = self._asked.pop(ref)
        try:
            result = ray.get(ref)
        except (
            ray.exceptions.RayActorError,
            ray.exceptions.NodeDiedError,
            ray.exceptions.OutOfMemoryError,
        ) as err:
            self._replace(worker, err)
            if call:
                self._hand_on(call, blamed=call is worker.in_hand[0] and not _machine_went(err))
        except ray.exceptions.RayTaskError as err:
            # A fault of the work itself.
            if not call:
                raise err.cause from err
            worker.in_hand.remove(call)
            call.future.set_exception(err.cause)
        else:
            if call:
                worker.in_hand.remove(call)
                call.future.set_result(result)
            else:
                worker.ready, self._told, self._stillborn = True, False, 0

    def _replace(self, dead: _Worker, err: Exception) -> None:
        """Hire another worker for one that died, once.

        Raises:
            UsageError: they all die before they are ready.
        """
        import ray

        if dead not in self._workers:
            return
        self._workers.remove(dead)
        self._stillborn = 0 if dead.ready else self._stillborn + 1
        # One that just does not answer may live: what it has in hand would be done twice.
        ray.kill(dead.actor)
        if self._stillborn > _STILLBORN:
            raise UsageError(f"{_NO_START}: {err}")
        self._hire()
        if not any(other.ready for other in self._workers) and not self._told:
            self._told = True
            self.note("no worker of the Ray cluster is left; waiting for machines to join it")

    def _hand_on(self, call: _Call[Task, Result], *, blamed: bool) -> None:
        """Give a task to another worker, unless it is what they die of."""
        deaths = call.deaths + blamed
        if deaths == _DEATHS:
            call.future.set_exception(UsageError(_DEADLY.format(call.task, deaths)))
            return
        again: Any = replace(call.task, again=True)  # type: ignore[type-var]
        self._unsent.insert(0, _Call(again, call.future, deaths=deaths))


def _machine_went(err: Exception) -> bool:
    """Whether a worker went with its machine or the way to it, not just its process."""
    import ray

    lost = (ray.exceptions.ActorUnavailableError, ray.exceptions.NodeDiedError)
    return isinstance(err, lost) or _NODE_DIED in str(err)


class _Hand:
    """What runs on the machines of the cluster."""

    def __init__(self, setup: Callable[[], Callable[[Any], Any]]) -> None:
        self._setup = setup

    def ready(self) -> None:
        """Get ready; faults of that come out as they are."""
        self._work = self._setup()

    def work(self, task: Any) -> Any:
        return self._work(task)
