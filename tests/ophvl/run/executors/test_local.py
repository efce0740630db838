"""In process or in pools: every task ends once, and faults come out as they are."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import pytest

from ophvl.errors import DiskFullError, ItemError, UsageError
from ophvl.run.executors import local
from ophvl.run.executors.scheduler import PoolSpec
from schemas.vocab import Pool
from tests.ophvl.run.executors.work import Did, Job, Setup, Unready, next_task


def run(jobs: list[Job], *, workers: int = 2, downloads: int = 2) -> list[Did]:
    pools = {
        Pool.NETWORK: PoolSpec(setup=Setup("fetched"), workers=downloads),
        Pool.CPU: PoolSpec(setup=Setup("did"), workers=workers),
    }
    return list(local.run(pools, jobs, next_task=next_task))


def test_one_worker_is_this_process_and_keeps_the_order() -> None:
    done = run([Job(x) for x in "cab"], workers=1)
    assert [one.text for one in done] == ["did c", "did a", "did b"]
    assert {one.pid for one in done} == {os.getpid()}


def test_more_workers_are_other_single_threaded_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    done = run([Job(x) for x in "abcdef"])
    assert sorted(one.text for one in done) == [f"did {x}" for x in "abcdef"]
    assert os.getpid() not in {one.pid for one in done}
    assert {one.threads for one in done} == {"1"}
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("item", ItemError, "nothing in it"),
        ("bug", KeyError, "bug"),
        ("full", DiskFullError, "1 GB is free"),
        ("die", UsageError, "killed"),
    ],
)
@pytest.mark.parametrize("pool", list(Pool))
def test_faults_of_a_worker_come_out(
    name: str, error: type[Exception], message: str, pool: Pool
) -> None:
    with pytest.raises(error, match=message):
        run([Job(name, pool), *(Job(x) for x in "abc")])


def test_no_tasks_are_no_trouble() -> None:
    assert run([], workers=1) == run([], workers=2) == []


def test_what_is_fetched_is_computed_and_what_is_deferred_is_not(tmp_path: Path) -> None:
    names = ["a", "closed b", "c"]
    done = run([Job(x, Pool.NETWORK, tmp_path) for x in names] + [Job("d")], workers=1)
    assert sorted(one.text for one in done) == ["did a", "did c", "did d", "fetched closed b"]
    assert os.getpid() not in {one.pid for one in done}


def test_no_more_is_fetched_ahead_than_keeps_all_busy(tmp_path: Path) -> None:
    jobs = [Job(f"{n:02d}", Pool.NETWORK, tmp_path, seconds=0.0) for n in range(16)]
    pools = {
        Pool.NETWORK: PoolSpec(setup=Setup("fetched"), workers=2),
        Pool.CPU: PoolSpec(setup=_Slow("did"), workers=1),
    }
    assert len(list(local.run(pools, jobs, next_task=next_task))) == 16
    events = [path.name.split()[1:] for path in sorted(tmp_path.iterdir())]
    waiting = most = 0
    for what, _ in events:
        waiting += 1 if what == "fetched" else -1
        most = max(most, waiting)
    # Two ahead, beside those handed out to the worker that computes.
    assert most <= 2 + 3
    order = [int(name) for what, name in events if what == "did"]
    assert all(abs(place - number) <= 4 for place, number in enumerate(order)), (
        "in about list order"
    )


class _Slow(Setup):
    def work(self, job: Job) -> Did:
        time.sleep(0.03)
        return super().work(job)


@pytest.mark.parametrize(
    ("fault", "error", "pool"),
    [
        *(
            (fault, error, p)
            for p in Pool
            for fault, error in (("bug", KeyError), ("die", UsageError))
        ),
        ("full", DiskFullError, Pool.CPU),
    ],
)
def test_an_end_does_not_wait_for_workers_that_sleep(
    fault: str, error: type[Exception], pool: Pool
) -> None:
    started = time.monotonic()
    with pytest.raises(error):
        run([Job("sleeper", Pool.NETWORK, seconds=60.0), Job(fault, pool)])
    assert time.monotonic() - started < 20
    assert not multiprocessing.active_children()


def test_an_error_of_the_setup_is_raised_while_the_other_pool_sleeps() -> None:
    pools = {
        Pool.NETWORK: PoolSpec(setup=Setup("fetched"), workers=1),
        Pool.CPU: PoolSpec(setup=Unready(), workers=1),
    }
    started = time.monotonic()
    with pytest.raises(ValueError, match="no weights"):
        list(local.run(pools, [Job("sleeper", Pool.NETWORK, seconds=60.0)], next_task=next_task))
    assert time.monotonic() - started < 20


def test_where_there_is_no_room_to_fetch_more_what_was_fetched_is_computed(tmp_path: Path) -> None:
    fetches = [Job("full", Pool.NETWORK), *(Job(x, Pool.NETWORK, tmp_path, 0.3) for x in "ab")]
    done: list[str] = []
    pools = {
        Pool.NETWORK: PoolSpec(setup=Setup("fetched"), workers=2),
        Pool.CPU: PoolSpec(setup=Setup("did"), workers=1),
    }
    with pytest.raises(DiskFullError):
        done.extend(
            x.text for x in local.run(pools, [*fetches, *map(Job, "cdefg")], next_task=next_task)
        )
    assert sorted(done) == [f"did {x}" for x in "acdefg"]
    assert {path.name.split()[2] for path in tmp_path.iterdir()} == {"a"}
