"""Read checkpoints: their weights and configs. A checkpoint is a folder, verified before it is loaded.

RUN/config.toml            the resolved config
RUN/metrics.jsonl          one line for each step
RUN/checkpoints/step-00000200/
    model.safetensors      weights (or their moving average, if there is one) without those of frozen
                           layers, which come from their source
    training.safetensors   optimiser moments, memory banks, loss scale; with a moving average the raw weights
    state.json             step, data fingerprint, training videos, hash of the frozen weights
    config.toml            the config again, so that the folder is complete
    SHA256SUMS             one line for each file
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ophclip.config import ENCODER_SECTIONS, EncoderConfig, to_toml
from ophclip.errors import CheckpointError
from ophclip.model.dual_encoder import OphCLIP
from ophvl.config import read_layer, resolve_layers
from ophvl.faults import reading

SUMS = "SHA256SUMS"


@dataclass(frozen=True, kw_only=True)
class CheckpointState:
    """The fields of a checkpoint's `state.json`. `step` counts the finished steps of both levels."""

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
    """Return the run's complete checkpoints, oldest first."""
    return sorted(path for path in (run / "checkpoints").glob("step-*") if (path / SUMS).is_file())


def find(folder: Path) -> Path:
    """Return the newest checkpoint of a run or a folder of runs, or the checkpoint folder itself.

    Raises:
        CheckpointError: there is none.
    """
    if (folder / SUMS).is_file():
        return folder
    runs = [folder, *(path for path in sorted(folder.glob("*")) if path.is_dir())]
    newest = [checkpoint for run in runs for checkpoint in checkpoints(run)[-1:]]
    if not newest:
        raise CheckpointError(
            f"no checkpoint in {folder}; train one with `ophclip train --shards DIR`"
        )
    return max(newest, key=lambda path: (path / SUMS).stat().st_mtime_ns)


def verify(folder: Path) -> str:
    """Check every file against SHA256SUMS; return the hash of that list, which names the checkpoint.

    Raises:
        CheckpointError: a file is missing or changed.
    """
    with reading(folder / SUMS, "use another checkpoint of this run"):
        text = (folder / SUMS).read_text(encoding="utf-8")
    for line in text.splitlines():
        sha256, _, name = line.partition("  ")
        path = folder / name
        if not path.is_file() or sha256_file(path) != sha256:
            raise CheckpointError(
                f"{path} is missing or damaged; use another checkpoint of this run"
            )
    return hashlib.sha256(text.encode()).hexdigest()


def read(folder: Path) -> tuple[CheckpointState, EncoderConfig]:
    """Read state and config of a verified checkpoint.

    Raises:
        CheckpointError: they are of another version.
    """
    try:
        raw = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        lists = {name: tuple(raw[name]) for name in ("train_videos", "bank_videos")}
        state = CheckpointState(**{**raw, **lists})
    except (OSError, ValueError, TypeError, KeyError) as err:
        raise CheckpointError(
            f"{folder / 'state.json'} is not of this version: {err}; use the version that wrote it"
        ) from err
    return state, read_config(folder / "config.toml")


def read_config(path: Path) -> EncoderConfig:
    """Read what encoding needs of a saved config. Sections that only training knows are not looked at.

    Raises:
        ConfigError: it cannot be read, or a name or value does not fit.
        CheckpointError: a setting is missing.
    """
    layer = read_layer(path)
    known = {name: keys for name, keys in layer.values.items() if name in ENCODER_SECTIONS}
    resolved = resolve_layers(ENCODER_SECTIONS, [replace(layer, values=known)])
    config = EncoderConfig(sections=resolved.settings)
    require_complete(config, path)
    return config


def require_complete(config: EncoderConfig, path: Path) -> None:
    """Check that the file a config was read from gives all of its values, so that none is a default.

    Raises:
        CheckpointError: a setting is missing.
    """
    saved = tomllib.loads(path.read_text(encoding="utf-8"))
    for name, keys in tomllib.loads(to_toml(config)).items():
        if saved.get(name) != keys:
            raise CheckpointError(f"{path} is not a complete config of this version")


def load_weights(folder: Path, model: OphCLIP, state: CheckpointState) -> None:
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
    expected = set(trainable_state(model))
    if set(tensors) != expected:
        differing = sorted(set(tensors) ^ expected)
        raise CheckpointError(
            f"{folder} does not fit its config, tensors {', '.join(differing[:5])} differ; use another "
            "checkpoint of this run"
        )
    model.load_state_dict(tensors, strict=False)


def frozen_sha256(model: OphCLIP) -> str:
    """Hash all weights that are frozen and therefore not saved; return the hex digest."""
    digest = hashlib.sha256()
    saved = trainable_state(model)
    for name, tensor in sorted(model.state_dict().items()):
        if name not in saved:
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def trainable_state(model: OphCLIP) -> dict[str, torch.Tensor]:
    """Copy the model's state without frozen parameters: the tensors that a checkpoint holds."""
    frozen = {name for name, p in model.named_parameters() if not p.requires_grad}
    # The buffers of a frozen text encoder are left out too.
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
    """Return the SHA-256 of a file as a hex digest."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
