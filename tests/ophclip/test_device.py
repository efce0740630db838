"""Devices by their names, and how many threads are faster."""

from __future__ import annotations

import pytest
import torch

from ophclip import device
from ophclip.errors import ConfigError


def test_a_device_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert device.pick_device("auto") == device.pick_device("cpu") == torch.device("cpu")
    with pytest.raises(ConfigError, match="finds no CUDA GPU"):
        device.pick_device("cuda")
    with pytest.raises(ConfigError, match="'tpuu' is not a device"):
        device.pick_device("tpuu")
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert device.pick_device("auto") == torch.device("cuda")
    assert device.pick_device("cuda:1") == torch.device("cuda", 1)


@pytest.mark.parametrize(("alone_s", "together_s", "picked"), [(1.0, 2.0, 1), (2.0, 1.0, 3)])
def test_the_number_of_threads_with_the_lower_median_is_picked(
    monkeypatch: pytest.MonkeyPatch, alone_s: float, together_s: float, picked: int
) -> None:
    before = torch.get_num_threads()
    outlier = iter([True])

    def time_s() -> float:
        if next(outlier, False):
            return 9.0
        return alone_s if torch.get_num_threads() == 1 else together_s

    try:
        torch.set_num_threads(3)
        monkeypatch.setattr(device, "_time_s", time_s)
        assert device.pick_threads() == picked
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
