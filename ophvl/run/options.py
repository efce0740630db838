"""Options of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ophvl.partitions import ALL_PARTITIONS, Partitions


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How to run stages."""

    only: tuple[str, ...] = ()
    """Limits unit stages to these videos."""
    partitions: Partitions = ALL_PARTITIONS
    """Limits the run to the units of these partitions."""
    limit: int | None = None
    """The most videos to process, of those that have anything to do."""
    force: bool = False
    """Run again what is up to date."""
    workers: int = 1
    """Workers that compute."""
    downloads: int = 4
    """Workers that wait for the network; with 0, those that compute download too."""
    engine: Literal["local", "ray"] = "local"
    address: str | None = None
    """Address of the Ray cluster; None starts one on this machine."""
    repin: bool = False
    """Accept other models than those that the folder is pinned to."""
