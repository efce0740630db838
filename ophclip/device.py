"""Choose the device and the number of threads of torch."""

from __future__ import annotations

import statistics
import time

import torch
import torch.nn.functional as F

from ophclip.errors import ConfigError


def pick_device(name: str) -> torch.device:
    """Return the device that `train.device` names.

    Raises:
        ConfigError: torch knows no such device, or this machine has none.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as err:
        raise ConfigError(
            f"train.device = {name!r} is not a device: write auto, cpu or cuda"
        ) from err
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"train.device = {name!r}, but torch finds no CUDA GPU here")
    return device


def pick_threads(*, rounds: int = 5) -> int:
    """Return the number of all cores, or 1: whichever runs a small network faster now.

    Threads that wait for a core in use by other processes slow each step down several times.
    """
    before = torch.get_num_threads()
    times_s: dict[int, list[float]] = {count: [] for count in (1, before)}
    for _ in range(rounds):
        for count, measured_s in times_s.items():
            torch.set_num_threads(count)
            measured_s.append(_time_s())
    torch.set_num_threads(before)
    return min(times_s, key=lambda count: statistics.median(times_s[count]))


def _time_s() -> float:
    """Measure the wall time of some convolutions of the size that training has on a CPU."""
    with torch.no_grad():
        images, kernel = torch.ones(32, 32, 24, 24), torch.ones(32, 32, 3, 3)
        start_s = time.perf_counter()
        for _ in range(10):
            F.conv2d(images, kernel, padding=1).relu_()
        return time.perf_counter() - start_s
