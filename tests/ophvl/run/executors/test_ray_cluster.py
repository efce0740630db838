"""Ray on two nodes of this machine: what runs there ends once, whatever dies."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import ray
from ray.cluster_utils import Cluster

from benchmarks.ingest import fakes, killed, scale
from ophvl.config import resolve
from ophvl.dataset.store import Store
from ophvl.errors import DiskFullError, ItemError, UsageError
from ophvl.lock import lock_partitions
from ophvl.run.executors import ray_cluster
from ophvl.run.executors.scheduler import PoolSpec
from ophvl.run.options import RunOptions
from ophvl.run.runner import Runner
from ophvl.run.unit_worker import UnitReport
from ophvl.sources.source_list import read_source_list
from pipelines.registry import settings_classes
from schemas.catalogue import TABLES
from schemas.vocab import FailureKind, Pool
from tests.ophvl.run.executors.work import Did, Job, Setup, Unready, next_task
from tests.ophvl.toy_folder import ALL, RecordingReporter, ToyFolder

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
"""Ray's own, about its files and sockets."""

ROOT = Path(__file__).parents[4]


@contextmanager
def head() -> Iterator[Cluster]:
    """Start a cluster with a head that has no cores."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patched.setenv("PYTHONPATH", str(ROOT))  # For the tasks, which are of the tests.
        arguments = {"num_cpus": 0, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=arguments)
        try:
            yield cluster
        finally:
            cluster.shutdown()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A head alone, for a test that adds nodes and kills them."""
    with head() as started:
        yield started


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[Cluster]:
    """A head with two nodes of one core each. The tests that share it leave them alive, and come last."""
    with head() as started:
        for _ in range(2):
            started.add_node(num_cpus=1)
        yield started


def run(jobs: list[Job], cluster: Cluster, notes: list[str] | None = None) -> Iterator[Did]:
    pools = {
        Pool.NETWORK: PoolSpec(setup=Setup("fetched"), workers=2),
        Pool.CPU: PoolSpec(setup=Setup("did"), workers=0),
    }
    messages = [] if notes is None else notes
    return ray_cluster.run(
        pools, jobs, next_task=next_task, address=cluster.address, note=messages.append
    )


def test_the_tasks_of_a_dead_node_are_redelivered(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.add_node(num_cpus=1)
    second = cluster.add_node(num_cpus=1)
    monkeypatch.setattr(
        ray_cluster, "_MAX_DEATHS", 1
    )  # No task is to blame for the death of a node.
    notes: list[str] = []
    jobs = [Job(f"{n:02d}", seconds=0.2) for n in range(20)]
    done: list[str] = []
    for one in run(jobs, cluster, notes):
        done.append(one.text)
        if len(done) == 4:
            cluster.remove_node(second, allow_graceful=False)
    assert sorted(done) == [f"did {n:02d}" for n in range(20)]
    assert notes == []


def test_a_cluster_without_nodes_is_waited_for(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_cluster, "_MAX_DEATHS", 1)
    only = cluster.add_node(num_cpus=1)
    notes: list[str] = []
    done: list[str] = []
    for one in run([Job(f"{n}", seconds=0.1) for n in range(8)], cluster, notes):
        done.append(one.text)
        if len(done) == 2:
            cluster.remove_node(only, allow_graceful=True)
            cluster.add_node(num_cpus=1)
    assert sorted(done) == [f"did {n}" for n in range(8)]


def test_two_nodes_make_the_tables_of_one_process_also_when_one_dies(
    cluster: Cluster, toy: ToyFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when a node is killed in the middle: nothing is lost, and no finished unit runs twice."""
    cluster.add_node(num_cpus=1)
    second = cluster.add_node(num_cpus=1)
    alone = ToyFolder(tmp_path / "alone")
    alone.base.mkdir()
    acts = {f"v{n:02d}": "slow" for n in range(24)} | {"x": "drop", "y": "fail"}
    for folder in (toy, alone):
        folder.videos(**acts)
    alone.run()

    advanced = RecordingReporter.advanced

    def kill(reporter: RecordingReporter, report: UnitReport) -> None:
        advanced(reporter, report)
        if sum("fetch" in (entry.stage for entry in r.entries) for r in reporter.reports) == 6:
            nodes.pop() and cluster.remove_node(second, allow_graceful=False)

    nodes = [second]
    monkeypatch.setattr(RecordingReporter, "advanced", kill)
    toy.run(ALL, engine="ray", address=cluster.address, workers=2)
    assert nodes == []
    for table in TABLES:
        if table in ("shards", "labels", "availability"):
            continue
        left_out = {"line_id", "list_path", "failed_at"}
        columns = [name for name in TABLES[table].arrow.names if name not in left_out]
        ours, theirs = (f.store.read(table, columns).to_pylist() for f in (toy, alone))
        key = TABLES[table].primary_key
        order = [name for name in key if name in columns] or columns[:1]
        assert sorted(ours, key=lambda r: [str(r[c]) for c in order]) == sorted(
            theirs, key=lambda r: [str(r[c]) for c in order]
        ), table
    again = [call for call in toy.calls() if call.startswith("name ")]
    assert len(again) <= 24 + ray_cluster._TASKS_PER_WORKER
    assert len(set(again)) == 24


def test_no_cluster_at_the_address() -> None:
    pools = {Pool.CPU: PoolSpec(setup=Setup(), workers=1)}
    with pytest.raises(UsageError, match="ray start --head"):
        list(
            ray_cluster.run(
                pools,
                [Job("a")],
                next_task=next_task,
                address="127.0.0.1:1",
                note=lambda text: None,
            )
        )


def test_without_an_address_a_cluster_is_started_and_ended() -> None:
    pools = {Pool.CPU: PoolSpec(setup=Setup(), workers=1)}
    (done,) = ray_cluster.run(
        pools, [Job("a")], next_task=next_task, address=None, note=lambda text: None
    )
    assert done.text == "did a"
    assert not ray.is_initialized()


def test_the_real_stages_make_the_same_tables_on_two_nodes_of_which_one_dies(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a downloader and a recogniser that take no time; no finished unit runs twice."""
    alone, shared = tmp_path / "alone" / "out", tmp_path / "shared" / "out"
    for out in (alone, shared):
        out.mkdir(parents=True)
        fakes.template(out)
    source = fakes.write_list(tmp_path / "list.txt", range(30))
    scale.ingest(alone, source)

    monkeypatch.setenv("OPHVL_FAKE_PAUSE_S", "0.1")
    cluster.add_node(num_cpus=1)
    nodes = [cluster.add_node(num_cpus=1)]
    schedule, started = ray_cluster.schedule, dict[Pool, Any]()
    monkeypatch.setattr(
        ray_cluster,
        "schedule",
        lambda pools, *args, **how: (started.update(pools), schedule(pools, *args, **how))[1],
    )
    stages, at_the_kill = fakes.stages(), list[killed.Finished]()

    class Killer(scale.Silent):
        def advanced(self, report: UnitReport) -> None:
            super().advanced(report)
            if nodes and self.worked >= 4 and all(w.assigned for w in started[Pool.CPU]._workers):
                cluster.remove_node(nodes.pop(), allow_graceful=False)
                at_the_kill.append(killed.finished(shared, stages))

    options = RunOptions(workers=2, downloads=2, engine="ray", address=cluster.address)
    configs = resolve(settings_classes(), overrides=scale.SETTINGS)
    with lock_partitions(shared):
        runner = Runner(Store(shared, stages), configs, options, Killer())
        runner.run(scale.NAMES, read_source_list(source))
    kept = [sum(stage == "keep" for stage, _ in finished) for finished in at_the_kill]
    assert 4 <= kept[0] < 30, "both nodes worked, and there was more to do"
    assert killed.redone(at_the_kill, shared, stages) == []
    # What the dead node was writing is swept by the next run, which finds nothing to do.
    assert scale.ingest(shared, source).worked == 0
    assert killed.differences(shared, alone, stages) == []


def test_both_nodes_work_one_thread_each_and_faults_come_out(two_nodes: Cluster) -> None:
    jobs = [Job(f"{n:02d}", seconds=0.05) for n in range(12)]
    jobs += [Job(f"n{n}", Pool.NETWORK) for n in range(3)] + [Job("closed x", Pool.NETWORK)]
    done = list(run(jobs, two_nodes))
    assert sorted(one.text for one in done) == sorted(
        [f"did {n:02d}" for n in range(12)] + [f"did n{n}" for n in range(3)] + ["fetched closed x"]
    )
    assert {one.threads for one in done} == {"1"}
    pids: set[int] = set()
    # Either node may be seconds late; the work ends as soon as both have returned a result.
    for one in run([Job(f"{n:04d}", seconds=0.05) for n in range(1200)], two_nodes):
        pids.add(one.pid)
        if len(pids) == 2:
            break
    assert len(pids) == 2
    assert os.getpid() not in pids
    with pytest.raises(KeyError, match="bug"):
        list(run([Job("a"), Job("bug"), Job("b")], two_nodes))
    with pytest.raises(ItemError) as caught:
        list(run([Job("item")], two_nodes))
    assert caught.value.kind is FailureKind.EMPTY
    with pytest.raises(UsageError, match="kills its worker"):
        list(run([Job("die")], two_nodes))
    jobs, texts = [Job(x, Pool.NETWORK, seconds=0.3) for x in ("full", "a")], list[str]()
    with pytest.raises(DiskFullError):
        texts.extend(one.text for one in run(jobs, two_nodes))
    assert texts == ["did a"]


def test_only_what_a_dead_process_running_is_to_blame(
    two_nodes: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_cluster, "_MAX_DEATHS", 1)
    spec = PoolSpec(setup=Setup("did"), workers=1)
    with (
        ray_cluster._connected(two_nodes.address),
        ray_cluster._ActorPool(spec, Pool.CPU, 2, note=print) as actors,
    ):
        running, queued = (actors.submit(Job(name)) for name in ("die", "a"))
        assert queued.result().text == "did a"
        with pytest.raises(UsageError, match="the processes of 1 workers died at it"):
            running.result()


def test_a_pool_that_cannot_continue_ends_the_run_while_the_other_works(
    two_nodes: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools = {
        Pool.NETWORK: PoolSpec(setup=Setup("fetched"), workers=1),
        Pool.CPU: PoolSpec(setup=Unready(), workers=1),
    }
    jobs = [Job("sleeper", Pool.NETWORK, seconds=200.0)]
    how: dict[str, Any] = {"next_task": next_task, "address": two_nodes.address, "note": print}
    started = time.monotonic()
    with pytest.raises(ValueError, match="no weights"):
        list(ray_cluster.run(pools, jobs, **how))
    look, looks = ray.wait, itertools.count()

    def wait(*args: Any, **kwargs: Any) -> Any:
        if next(looks) > 20:
            raise ray.exceptions.RaySystemError("the head is gone")
        return look(*args, **kwargs)

    monkeypatch.setattr(ray, "wait", wait)
    pools[Pool.CPU] = PoolSpec(setup=Setup("did"), workers=1)
    with pytest.raises(UsageError, match="Ray cannot continue: System error: the head is gone"):
        list(ray_cluster.run(pools, jobs, **how))
    assert time.monotonic() - started < 100


class _DiesAtStart(Setup):
    def __call__(self) -> Callable[[Job], Did]:
        os._exit(9)


def test_workers_that_die_before_they_are_needed_end_the_run(two_nodes: Cluster) -> None:
    pools = {
        Pool.NETWORK: PoolSpec(setup=Setup("fetched"), workers=1),
        Pool.CPU: PoolSpec(setup=_DiesAtStart("did"), workers=1),
    }
    jobs = [Job(str(n), Pool.NETWORK, seconds=30.0) for n in range(2)]
    address, notes = two_nodes.address, list[str]()
    with pytest.raises(UsageError, match="die before they have started"):
        list(ray_cluster.run(pools, jobs, next_task=next_task, address=address, note=notes.append))
