"""Remove what a crash left in a dataset folder: partial files, and Parquet files that no segment names."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from ophvl.atomic_io import PARTIAL
from ophvl.dataset.layout import APPENDED, SOURCE_LISTS, Layout
from ophvl.dataset.segments import read_header
from ophvl.partitions import ALL_PARTITIONS, Partitions, partition_of
from ophvl.stage import Scope

_UNLOCKED = frozenset({".locks", ".pace", SOURCE_LISTS, *APPENDED})
"""Folders in which any process writes, without a lock on a partition."""

_STALE_S = 60.0
"""A partial file of an unlocked folder that is older was left by a crash."""

_PARTITION_IN_NAME = re.compile(
    r"-(?P<table>\d{3})-[0-9a-f]{8}\.parquet|^\.?(?P<segment>\d{3})\.jsonl"
)


def sweep(layout: Layout, partitions: Partitions) -> None:
    """Remove what a crash of a run on `partitions` left; see `Store.sweep`."""
    _sweep(layout, [layout.root], lambda path: _is_swept(layout, path, partitions))


def sweep_lines(layout: Layout) -> None:
    """Remove what a crash of a line stage left; see `Store.sweep_lines`."""
    folders = [layout.root / name for name in ("ledger", "units", "tables")]
    _sweep(layout, folders, lambda path: _is_of_line_stage(layout, path))


def _sweep(layout: Layout, folders: Sequence[Path], is_swept: Callable[[Path], bool]) -> None:
    for path in [path for folder in folders for path in folder.rglob(f".*{PARTIAL}")]:
        if not is_swept(path):
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    live = {
        layout.parquet_path(table, name)
        for stage in layout.stages
        for segment in layout.segments(stage)
        for table, name in read_header(segment).items()
    }
    for path in (layout.root / "tables").glob("*/*.parquet"):
        if path not in live and is_swept(path):
            path.unlink()


def _is_swept(layout: Layout, path: Path, partitions: Partitions) -> bool:
    """Tell whether no live process but the caller, which holds `partitions`, can be writing a file."""
    folder = path.relative_to(layout.root).parts[0]
    if folder in _UNLOCKED:
        with suppress(FileNotFoundError):
            return time.time() - path.stat().st_mtime > _STALE_S
        return False
    if partitions == ALL_PARTITIONS:
        return True
    if _is_of_line_stage(layout, path):
        return False
    if folder in ("units", "media"):
        return partition_of(path.name.removeprefix(".").partition(".")[0]) in partitions
    match = _PARTITION_IN_NAME.search(path.name)
    return match is not None and int(match["table"] or match["segment"]) in partitions


def _is_of_line_stage(layout: Layout, path: Path) -> bool:
    """Tell whether a line stage wrote a file: all runs share the partitions of its lines."""
    folder, *rest = path.relative_to(layout.root).parts
    if folder == "tables":
        stage = path.name.removeprefix(".").partition("-")[0]
    else:
        stage = rest[0] if folder in ("ledger", "units") else ""
    return stage in layout.stages and layout.stages[stage].scope is Scope.LINE
