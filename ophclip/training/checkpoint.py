"""Writing checkpoints, and restoring what a resumed run needs: each appears whole or not at all, without a
pickle. `ophclip.model.weights` says what a checkpoint holds.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file

from ophclip.config import to_toml
from ophclip.model.dual_encoder import OphCLIP
from ophclip.model.weights import SUMS, CheckpointState, checkpoints, load_tensors, sha256_file
from ophclip.retrieval.memory_bank import MemoryBank
from ophclip.training.config import Config
from ophclip.training.ema import MovingAverage
from ophvl.faults import naming


@dataclass(frozen=True, kw_only=True)
class Training:
    """What a resumed run needs besides the weights. `banks` are the loss terms' memory banks, by name."""

    model: OphCLIP
    optimiser: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    average: MovingAverage | None
    banks: Mapping[str, MemoryBank]


def save(
    run: Path,
    *,
    state: CheckpointState,
    config: Config,
    weights: Mapping[str, torch.Tensor],
    training: Training,
    keep: int,
) -> Path:
    """Write a checkpoint by renaming a finished folder into place; keep the newest `keep`."""
    folder = run / "checkpoints" / f"step-{state.step:08d}"
    working = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(working, ignore_errors=True)
    try:
        with naming(working):
            working.mkdir(parents=True)
            save_file(dict(weights), working / "model.safetensors")
            save_file(_training_tensors(training), working / "training.safetensors")
            text = json.dumps(dataclasses.asdict(state), indent=1)
            (working / "state.json").write_text(text, encoding="utf-8")
            (working / "config.toml").write_text(to_toml(config), encoding="utf-8")
            files = sorted(path.name for path in working.iterdir())
            sums = "".join(f"{sha256_file(working / name)}  {name}\n" for name in files)
            (working / SUMS).write_text(sums, encoding="utf-8")
            for path in (*working.iterdir(), working):
                _flush(path)
        if folder.exists():
            shutil.rmtree(folder)
        working.rename(folder)
        _flush(folder.parent)
    finally:
        shutil.rmtree(working, ignore_errors=True)
    for old in checkpoints(run)[:-keep]:
        shutil.rmtree(old)
    return folder


def load_training(folder: Path, *, training: Training) -> None:
    """Restore optimiser, averages, memory banks and loss scale: the next step is as it would have been."""
    tensors = load_tensors(folder / "training.safetensors")
    parameters = _trainable(training.model)
    for name, parameter in parameters.items():
        for part, tensor in _with_prefix(tensors, f"optimiser/{name}/").items():
            # AdamW keeps its step counter on the CPU, its moments with the parameter.
            device = "cpu" if part == "step" else parameter.device
            training.optimiser.state[parameter][part] = tensor.to(device)
    if training.average is not None:
        for name, tensor in training.average.tensors.items():
            tensor.copy_(parameters[name].detach())
        with torch.no_grad():
            for name, tensor in _with_prefix(tensors, "raw/").items():
                parameters[name].copy_(tensor)
    for name, bank in training.banks.items():
        bank.load(_with_prefix(tensors, f"bank/{name}/"))
    if training.scaler.is_enabled():
        saved = _with_prefix(tensors, "scaler/")
        training.scaler.load_state_dict({name: value.item() for name, value in saved.items()})


def _with_prefix(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """Return the tensors whose names begin with `prefix`, without it."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _trainable(model: OphCLIP) -> Mapping[str, torch.nn.Parameter]:
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def _training_tensors(training: Training) -> dict[str, torch.Tensor]:
    parameters = _trainable(training.model)
    tensors = {
        f"optimiser/{name}/{part}": value.contiguous()
        for name, parameter in parameters.items()
        for part, value in training.optimiser.state.get(parameter, {}).items()
    }
    if training.average is not None:
        tensors |= {f"raw/{name}": p.detach().contiguous() for name, p in parameters.items()}
    for name, bank in training.banks.items():
        tensors |= {f"bank/{name}/{part}": tensor for part, tensor in bank.state().items()}
    for name, value in training.scaler.state_dict().items():
        kind = torch.int64 if isinstance(value, int) else torch.float64
        tensors[f"scaler/{name}"] = torch.tensor(value, dtype=kind)
    return tensors


def _flush(path: Path) -> None:
    """Bring a file or folder entry to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
