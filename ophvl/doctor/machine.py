"""The machine: graphics cards, cores, memory, and the disk of the dataset folder."""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

from ophvl.atomic_io import PARTIAL, replacing_folder, write_text
from ophvl.doctor.finding import Finding, State
from ophvl.errors import UsageError
from ophvl.lock import locked

SLOW_COMMIT_MS = 20.0
"""A local disk makes a result durable in far less; a network disk often needs more."""

LITTLE_DISK_GB = 20.0
LITTLE_MEMORY_GB = 4.0

_COMMITS = 7
_CGROUP_MEMORY = Path("/sys/fs/cgroup/memory.max")
_GPU_TOOL = "nvidia-smi"


def check_gpu() -> Iterator[Finding]:
    """The graphics cards that PyTorch and CTranslate2 see: the one trains, the other transcribes."""
    import ctranslate2
    import torch

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        seen = torch.cuda.device_count() if torch.cuda.is_available() else 0
        cards = [torch.cuda.get_device_name(number) for number in range(seen)]
    for_speech = ctranslate2.get_cuda_device_count()
    told = "; ".join(str(warning.message).partition("\n")[0] for warning in said)
    yield judge_gpu(cards, for_speech, has_driver=bool(shutil.which(_GPU_TOOL)), told=told)


def judge_gpu(cards: list[str], for_speech: int, *, has_driver: bool, told: str = "") -> Finding:
    """A finding on the names of the cards that PyTorch sees and how many CTranslate2 does."""
    name = "GPU"
    because = f" ({told})" if told else ""
    if cards and for_speech:
        return Finding(name=name, state=State.OK, found=f"{len(cards)}: {', '.join(cards)}")
    if cards:
        found = f"{', '.join(cards)} for PyTorch, but none for CTranslate2: speech takes the CPU"
        mend = "install the CUDA libraries that CTranslate2 names (cuBLAS, cuDNN)"
        return Finding(name=name, state=State.NOTE, found=found, mend=mend)
    if for_speech or has_driver:
        found = f"there is one, but PyTorch does not see it: training takes the CPU{because}"
        mend = "install PyTorch for CUDA: https://pytorch.org/get-started/locally/"
        return Finding(name=name, state=State.NOTE, found=found, mend=mend)
    found = f"none: speech takes Whisper base, training the preset tiny{because}"
    mend = "for large-v3 and larger presets use a machine with an NVIDIA GPU; else nothing need be done"
    return Finding(name=name, state=State.NOTE, found=found, mend=mend)


def check_processor() -> Iterator[Finding]:
    """Cores and memory that this process may use."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
    cores = len(allowed) or os.cpu_count() or 1
    of = f" of {os.cpu_count()}" if cores != os.cpu_count() else ""
    yield Finding(name="CPU", state=State.OK, found=f"{cores}{of} core(s)")
    memory_gb = _memory_bytes() / 1e9
    found = f"{memory_gb:.1f} GB"
    if memory_gb >= LITTLE_MEMORY_GB:
        yield Finding(name="memory", state=State.OK, found=found)
        return
    mend = "keep --workers at 1"
    yield Finding(name="memory", state=State.NOTE, found=f"{found} is little", mend=mend)


def _memory_bytes() -> float:
    """Memory of the machine, or of the container if that gets less."""
    memory = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    try:
        return min(memory, float(_CGROUP_MEMORY.read_text(encoding="ascii")))
    except (OSError, ValueError):  # No limit: there is no such file, or it says "max".
        return memory


def check_disk(root: Path) -> Iterator[Finding]:
    """The disk of the dataset folder: room, what a run does there, and what a durable result costs.

    A folder that is not there yet is not made: the nearest one above it is tried.
    """
    name = "dataset folder"
    place = next(path for path in (root, *root.parents) if path.exists())
    at = str(root) if place == root else f"{root} is not there yet; {place}"
    mend = "name another folder with --out, or get the right to write there"
    if not place.is_dir():
        found = f"{place} is no folder"
        yield Finding(name=name, state=State.PROBLEM, found=found, mend=mend)
        return
    free_gb = shutil.disk_usage(place).free / 1e9
    room = State.OK if free_gb >= LITTLE_DISK_GB else State.NOTE
    yield Finding(
        name="disk",
        state=room,
        found=f"{free_gb:.1f} GB free at {place}",
        mend="" if room is State.OK else "make room, or keep less: --keep-media proxy",
    )
    try:
        with tempfile.TemporaryDirectory(prefix=".doctor-", suffix=PARTIAL, dir=place) as scratch:
            commit_ms = work_in(Path(scratch))
    except (OSError, UsageError) as err:
        found = f"{at} cannot be worked in: {err}"
        yield Finding(name=name, state=State.PROBLEM, found=found, mend=mend)
        return
    yield judge_commit(at, commit_ms)


def judge_commit(at: str, commit_ms: float) -> Finding:
    """A finding on what it costs to make a result durable."""
    found = f"{at}: files, folders and locks work; a durable result costs {commit_ms:.2g} ms"
    if commit_ms <= SLOW_COMMIT_MS:
        return Finding(name="dataset folder", state=State.OK, found=found)
    return Finding(
        name="dataset folder",
        state=State.NOTE,
        found=f"{found}, as on a network disk",
        mend="work on a disk of this machine where you can, and copy the folder afterwards",
    )


def work_in(scratch: Path) -> float:
    """Do there what a run does; return the middle cost of one durable result, in milliseconds.

    Raises:
        OSError: the file system refuses something.
    """
    costs = []
    with locked(scratch):
        for number in range(_COMMITS):
            started = time.perf_counter()
            write_text(scratch / "result", f"{number}\n")
            costs.append(1000 * (time.perf_counter() - started))
    if (scratch / "result").read_text(encoding="utf-8") != f"{_COMMITS - 1}\n":
        raise OSError("a file that was replaced still holds what it held before")
    for _ in range(2):
        with replacing_folder(scratch / "folder") as temporary:
            write_text(temporary / "file", "")
    return statistics.median(costs)
