"""What the executors' tests work on: tasks that say what shall happen, and the setups of both pools."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ophvl.errors import DiskFullError, ItemError
from schemas.vocab import FailureKind, Pool


@dataclass(frozen=True)
class Job:
    """A task. `log` is a folder for a mark of each leg that it went through."""

    name: str
    pool: Pool = Pool.CPU
    log: Path | None = None
    seconds: float = 0.0
    redelivered: bool = False


@dataclass(frozen=True)
class Did:
    """What became of it."""

    text: str
    pid: int
    threads: str


@dataclass(frozen=True)
class Setup:
    """Makes a function that answers with its process, or does what the task says."""

    verb: str = "did"

    def __call__(self) -> Callable[[Job], Did]:
        return self.work

    def work(self, job: Job) -> Did:
        if job.name == "item":
            raise ItemError(FailureKind.EMPTY, "nothing in it")
        if job.name == "bug":
            raise KeyError(job.name)
        if job.name == "full":
            raise DiskFullError(Path("out"), "1 GB is free")
        if job.name == "die":
            os._exit(9)
        time.sleep(job.seconds)
        if job.log is not None:
            (job.log / f"{time.monotonic():018.6f} {self.verb} {job.name}").touch()
        return Did(f"{self.verb} {job.name}", os.getpid(), os.environ.get("OMP_NUM_THREADS", ""))


class Unready(Setup):
    """Cannot get ready."""

    def __call__(self) -> Callable[[Job], Did]:
        raise ValueError("no weights")


def next_task(job: Job, done: Did) -> Job | None:
    """What is fetched is computed, unless its host closed."""
    if job.pool is Pool.CPU or job.name.startswith("closed"):
        return None
    return replace(job, pool=Pool.CPU)
