"""Measure the speed-up by a second worker, on Ray and in the local pool: 30 ms of computing a unit.

    python -m benchmarks.ingest.ray_speedup [--units 300]

Wall time of all units after the workers have started, with two workers and with one, in the same run. Ray's
work on two nodes of this machine, of one core each.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from ophvl.run.executors import local, ray_cluster
from ophvl.run.executors.scheduler import PoolSpec
from schemas.vocab import Pool

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Unit:
    """So many rounds of computing."""

    rounds: int
    pool: Pool = Pool.CPU
    redelivered: bool = False


def setup() -> Callable[[Unit], float]:
    """Return what a worker does: compute, and return the time of its end."""
    return _compute


def _compute(unit: Unit) -> float:
    total = 0
    for number in range(unit.rounds):
        total += number * number
    return time.time()


def rounds_for(seconds: float) -> int:
    """Return how many rounds take `seconds` on this machine."""
    started = time.perf_counter()
    _compute(Unit(2_000_000))
    return round(2_000_000 * seconds / (time.perf_counter() - started))


@contextmanager
def two_nodes() -> Iterator[str]:
    """Start a Ray cluster of two nodes of one core each, whose head computes nothing; yield its address."""
    from ray.cluster_utils import Cluster

    environment = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    with mock.patch.dict(os.environ, environment):
        head = {"num_cpus": 0, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        try:
            for _ in range(2):
                cluster.add_node(num_cpus=1)
            yield cluster.address
        finally:
            cluster.shutdown()


def wall_s(units: Sequence[Unit], workers: int, address: str | None) -> float:
    """Return seconds from the first result to the last, on the cluster at `address` or in the local pool."""
    pools = {Pool.CPU: PoolSpec(setup=setup, workers=workers)}
    if address is None:
        done = list(local.run(pools, units, next_task=_final))
    else:
        done = list(
            ray_cluster.run(pools, units, next_task=_final, address=address, note=lambda text: None)
        )
    return max(done) - min(done)


def _final(unit: Unit, done: float) -> None:
    return None


def measure(count: int) -> Iterator[str]:
    """Time both executors with one worker and with two."""
    units = [Unit(rounds_for(0.03))] * count
    for engine, cluster in (("local", nullcontext()), ("ray", two_nodes())):
        with cluster as address:
            one, two = (wall_s(units, workers, address) for workers in (1, 2))
        yield (
            f"{engine:<6} {count} units: one worker {one:.2f} s, two {two:.2f} s, "
            f"speed-up {one / two:.2f}"
        )


def main(arguments: Sequence[str]) -> int:
    """Print the measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=300)
    for line in measure(parser.parse_args(arguments).units):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
