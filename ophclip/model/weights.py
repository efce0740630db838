"""Reading checkpoints: their weights and configs. One folder each, checked before anything is loaded.


RUN/config.toml            the resolved config
RUN/metrics.jsonl          one line a step
RUN/checkpoints/step-00000200/
    model.safetensors      weights (their moving average where one is kept), those of frozen layers left
                           out: they come from their source
    training.safetensors   optimiser moments, memory banks, loss scale; the raw weights beside averaged ones
    state.json             step, data fingerprint, training videos, hash of the frozen weights
    config.toml            the config once more, so that the folder stands alone
    SHA256SUMS             one line a file; checked before anything is loaded
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ophclip.config import Config, change, to_toml
from ophclip.errors import CheckpointError
from ophclip.model.dual_encoder import OphCLIP
from ophclip.presets import tiny

SUMS = "SHA256SUMS"


@dataclass(frozen=True, kw_only=True)
class State:
    """What a checkpoint says of itself. `step` counts the finished steps of both levels."""

    step: int
    clip_batches: int
    video_batches: int
    data_fingerprint: str
    clips: int
    silent_videos: int
    train_videos: tuple[str, ...]
    bank_videos: tuple[str, ...]
    frozen_sha256: str
    preset: str
    ophclip_version: str
    torch_version: str


def checkpoints(run: Path) -> list[Path]:
    """The run's whole checkpoints, oldest first."""
    return sorted(path for path in (run / "checkpoints").glob("step-*") if (path / SUMS).is_file())


def find(place: Path) -> Path:
    """The checkpoint meant by a checkpoint folder, a run, or a folder of runs: the newest of its runs.

    Raises:
        CheckpointError: there is none.
    """
    if (place / SUMS).is_file():
        return place
    runs = [place, *(path for path in sorted(place.glob("*")) if path.is_dir())]
    found = [checkpoint for run in runs for checkpoint in checkpoints(run)[-1:]]
    if not found:
        raise CheckpointError(
            f"no checkpoint in {place}; train one with `ophclip train --shards DIR`"
        )
    return max(found, key=lambda path: (path / SUMS).stat().st_mtime_ns)


def verify(folder: Path) -> str:
    """Check every file against SHA256SUMS; return the hash of that list, which names the checkpoint.

    Raises:
        CheckpointError: a file is missing or changed.
    """
    text = (folder / SUMS).read_text(encoding="utf-8")
    for line in text.splitlines():
        wanted, _, name = line.partition("  ")
        path = folder / name
        if not path.is_file() or sha256_file(path) != wanted:
            raise CheckpointError(
                f"{path} is missing or damaged; use another checkpoint of this run"
            )
    return hashlib.sha256(text.encode()).hexdigest()


def read(folder: Path) -> tuple[State, Config]:
    """State and config of a verified checkpoint."""
    try:
        raw = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        lists = {name: tuple(raw[name]) for name in ("train_videos", "bank_videos")}
        state = State(**{**raw, **lists})
    except (OSError, ValueError, TypeError, KeyError) as err:
        raise CheckpointError(f"{folder / 'state.json'} is not of this version: {err}") from err
    return state, read_config(folder / "config.toml")


def read_config(path: Path) -> Config:
    """A saved config. It is complete, so that nothing of the preset that it starts from remains."""
    config = change(tiny(), files=[path])
    if tomllib.loads(to_toml(config)) != tomllib.loads(path.read_text(encoding="utf-8")):
        raise CheckpointError(f"{path} is not a complete config of this version")
    return config


def load_weights(folder: Path, model: OphCLIP, state: State) -> None:
    """Load the weights into a model built from the checkpoint's config.

    Raises:
        CheckpointError: they do not fit, or the frozen weights are not those of the training.
    """
    if frozen_sha256(model) != state.frozen_sha256:
        raise CheckpointError(
            f"the frozen weights of {model.config.text_encoder} differ from those that {folder} was "
            "trained with; install that version of the encoder"
        )
    tensors = load_tensors(folder / "model.safetensors")
    wanted = set(learnt(model))
    if set(tensors) != wanted:
        differing = sorted(set(tensors) ^ wanted)
        raise CheckpointError(f"{folder} does not fit its config: {', '.join(differing[:5])}")
    model.load_state_dict(tensors, strict=False)


def frozen_sha256(model: OphCLIP) -> str:
    """Hash of all weights that do not learn and are therefore not saved."""
    digest = hashlib.sha256()
    saved = learnt(model)
    for name, tensor in sorted(model.state_dict().items()):
        if name not in saved:
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def learnt(model: OphCLIP) -> dict[str, torch.Tensor]:
    """A copy of all of the state but frozen parameters."""
    frozen = {name for name, p in model.named_parameters() if not p.requires_grad}
    # Of a frozen encoder the buffers stay out too.
    prefix = "text_encoder." if model.text_encoder.frozen else "\0"
    return {
        name: tensor.detach().clone(memory_format=torch.contiguous_format)
        for name, tensor in model.state_dict().items()
        if name not in frozen and not name.startswith(prefix)
    }


def load_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Read a safetensors file.

    Raises:
        CheckpointError: it cannot be read.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as err:
        raise CheckpointError(f"cannot read {path}: {err}") from err


def sha256_file(path: Path) -> str:
    """Return the hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
