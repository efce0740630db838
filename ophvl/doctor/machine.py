"""Check the machine: graphics cards, cores, memory, and the disk of the dataset folder."""

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
from ophvl.doctor.finding import Finding, FindingState
from ophvl.errors import UsageError
from ophvl.lock import lock_partitions

SLOW_COMMIT_MS = 20.0
"""A local disk needs far less for a durable result; a network disk often needs more."""

LITTLE_DISK_GB = 20.0
LITTLE_MEMORY_GB = 4.0

_COMMITS = 7
_CGROUP_MEMORY = Path("/sys/fs/cgroup/memory.max")
_GPU_TOOL = "nvidia-smi"


def check_gpu() -> Iterator[Finding]:
    """Check which graphics cards PyTorch (training) and CTranslate2 (transcription) detect."""
    import ctranslate2
    import torch

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        cards = [torch.cuda.get_device_name(number) for number in range(count)]
    for_speech = ctranslate2.get_cuda_device_count()
    warning_text = "; ".join(str(warning.message).partition("\n")[0] for warning in caught)
    yield judge_gpu(
        cards, for_speech, has_driver=bool(shutil.which(_GPU_TOOL)), reason=warning_text
    )


def judge_gpu(cards: list[str], for_speech: int, *, has_driver: bool, reason: str = "") -> Finding:
    """Return a finding on the names of the cards that PyTorch detects and the number CTranslate2 does."""
    name = "GPU"
    because = f" ({reason})" if reason else ""
    if cards and for_speech:
        return Finding(name=name, state=FindingState.OK, found=f"{len(cards)}: {', '.join(cards)}")
    if cards:
        found = f"{', '.join(cards)} for PyTorch, but none for CTranslate2: speech takes the CPU"
        mend = "install the CUDA libraries that CTranslate2 names (cuBLAS, cuDNN)"
        return Finding(name=name, state=FindingState.NOTE, found=found, mend=mend)
    if for_speech or has_driver:
        found = f"there is one, but PyTorch does not detect it: training takes the CPU{because}"
        mend = "install PyTorch for CUDA: https://pytorch.org/get-started/locally/"
        return Finding(name=name, state=FindingState.NOTE, found=found, mend=mend)
    found = f"none: speech takes Whisper base, training the preset tiny{because}"
    mend = "for large-v3 and larger presets use a machine with an NVIDIA GPU; else nothing need be done"
    return Finding(name=name, state=FindingState.NOTE, found=found, mend=mend)


def check_processor() -> Iterator[Finding]:
    """Check the cores and memory that this process may use."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
    cores = len(allowed) or os.cpu_count() or 1
    of = f" of {os.cpu_count()}" if cores != os.cpu_count() else ""
    yield Finding(name="CPU", state=FindingState.OK, found=f"{cores}{of} core(s)")
    memory_gb = _memory_bytes() / 1e9
    found = f"{memory_gb:.1f} GB"
    if memory_gb >= LITTLE_MEMORY_GB:
        yield Finding(name="memory", state=FindingState.OK, found=found)
        return
    mend = "keep --workers at 1"
    yield Finding(name="memory", state=FindingState.NOTE, found=f"{found} is little", mend=mend)


def _memory_bytes() -> float:
    """Return the memory of the machine, or of the container if that has less."""
    memory = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    try:
        return min(memory, float(_CGROUP_MEMORY.read_text(encoding="ascii")))
    except (OSError, ValueError):  # No limit: the file does not exist or contains "max".
        return memory


def check_disk(root: Path) -> Iterator[Finding]:
    """Check the disk of the dataset folder: free space, the operations of a run, and the cost of a commit.

    A folder that does not exist yet is not created: its nearest existing parent is tested.
    """
    name = "dataset folder"
    existing = next(path for path in (root, *root.parents) if path.exists())
    at = str(root) if existing == root else f"{root} does not exist yet; {existing}"
    mend = "name another folder with --out, or get the right to write there"
    if not existing.is_dir():
        found = f"{existing} is no folder"
        yield Finding(name=name, state=FindingState.PROBLEM, found=found, mend=mend)
        return
    free_gb = shutil.disk_usage(existing).free / 1e9
    state = FindingState.OK if free_gb >= LITTLE_DISK_GB else FindingState.NOTE
    yield Finding(
        name="disk",
        state=state,
        found=f"{free_gb:.1f} GB free at {existing}",
        mend=""
        if state is FindingState.OK
        else "free disk space, or store less: --keep-media proxy",
    )
    try:
        with tempfile.TemporaryDirectory(
            prefix=".doctor-", suffix=PARTIAL, dir=existing
        ) as scratch:
            commit_ms = time_commits(Path(scratch))
    except (OSError, UsageError) as err:
        found = f"{at} cannot be used: {err}"
        yield Finding(name=name, state=FindingState.PROBLEM, found=found, mend=mend)
        return
    yield judge_commit(at, commit_ms)


def judge_commit(at: str, commit_ms: float) -> Finding:
    """Return a finding on the cost of a durable result."""
    found = f"{at}: files, folders and locks work; a durable result costs {commit_ms:.2g} ms"
    if commit_ms <= SLOW_COMMIT_MS:
        return Finding(name="dataset folder", state=FindingState.OK, found=found)
    return Finding(
        name="dataset folder",
        state=FindingState.NOTE,
        found=f"{found}, as on a network disk",
        mend="work on a local disk if you can, and copy the folder afterwards",
    )


def time_commits(scratch: Path) -> float:
    """Do in `scratch` what a run does; return the median cost of a durable result, in milliseconds.

    Raises:
        OSError: the file system refuses something.
    """
    costs = []
    with lock_partitions(scratch):
        for number in range(_COMMITS):
            started = time.perf_counter()
            write_text(scratch / "result", f"{number}\n")
            costs.append(1000 * (time.perf_counter() - started))
    if (scratch / "result").read_text(encoding="utf-8") != f"{_COMMITS - 1}\n":
        raise OSError("a file that was replaced still has its old content")
    for _ in range(2):
        with replacing_folder(scratch / "folder") as temporary:
            write_text(temporary / "file", "")
    return statistics.median(costs)
