"""Which checkpoint a folder stands for, and what makes one damaged."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from pathlib import Path

import pytest
import torch

from ophclip.errors import CheckpointError
from ophclip.model import weights
from ophclip.model.dual_encoder import OphCLIP
from ophvl.errors import DamagedFileError
from tests.ophclip.conftest import Trained


def checkpoint(folder: Path, *, at_s: int = 0, **files: bytes) -> Path:
    """A folder with the files and their sums, as if written at a time."""
    folder.mkdir(parents=True)
    sums = ""
    for name, content in files.items():
        (folder / name).write_bytes(content)
        sums += f"{hashlib.sha256(content).hexdigest()}  {name}\n"
    (folder / weights.SUMS).write_text(sums)
    os.utime(folder / weights.SUMS, (at_s, at_s))
    return folder


def test_the_last_checkpoint_of_the_run_that_was_written_last_is_found(tmp_path: Path) -> None:
    checkpoint(tmp_path / "runs" / "a" / "checkpoints" / "step-00000009", at_s=100)
    checkpoint(tmp_path / "runs" / "b" / "checkpoints" / "step-00000002", at_s=300)
    newest = checkpoint(tmp_path / "runs" / "b" / "checkpoints" / "step-00000004", at_s=200)
    checkpoint(tmp_path / "runs" / "c" / "checkpoints" / "step-00000008", at_s=50)
    (tmp_path / "runs" / "b" / "checkpoints" / "step-00000006").mkdir()  # not complete
    assert weights.find(tmp_path / "runs") == newest
    assert weights.find(tmp_path / "runs" / "b") == newest
    assert weights.find(newest) == newest
    assert weights.checkpoints(tmp_path / "runs" / "b")[-1] == newest


def test_a_folder_without_checkpoint_says_how_to_make_one(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(CheckpointError, match=r"no checkpoint in .*; train one with"):
        weights.find(tmp_path)


def test_every_listed_file_must_be_there_and_as_it_was(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "step", a=b"one", b=b"two")
    expected = hashlib.sha256((folder / weights.SUMS).read_bytes()).hexdigest()
    assert weights.verify(folder) == expected
    (folder / "b").write_bytes(b"six")
    with pytest.raises(CheckpointError, match="b is missing or damaged"):
        weights.verify(folder)
    (folder / "b").unlink()
    with pytest.raises(CheckpointError, match="b is missing or damaged"):
        weights.verify(folder)


def test_sums_that_are_no_text_are_damaged(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "step", a=b"one")
    (folder / weights.SUMS).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DamagedFileError, match="SHA256SUMS is damaged"):
        weights.verify(folder)


def test_a_checkpoint_is_read_as_it_was_written(trained: Trained) -> None:
    folder = weights.find(trained.run)
    state, config = weights.read(folder)
    assert (state.step, state.preset) == (30, "tiny")
    model = OphCLIP(config.model)
    weights.load_weights(folder, model, state)
    saved = weights.load_tensors(folder / "model.safetensors")
    assert weights.trainable_state(model).keys() == saved.keys()
    assert all(torch.equal(model.state_dict()[name], saved[name]) for name in saved)


def test_a_section_that_encoding_does_not_need_is_not_looked_at(
    trained: Trained, tmp_path: Path
) -> None:
    path = weights.find(trained.run) / "config.toml"
    longer = tmp_path / "config.toml"
    longer.write_text(path.read_text() + "\n[of_a_later_version]\nsetting = 1\n")
    assert weights.read_config(longer) == weights.read_config(path)


def test_a_config_without_one_of_the_settings_is_not_complete(
    trained: Trained, tmp_path: Path
) -> None:
    lines = (weights.find(trained.run) / "config.toml").read_text().splitlines(keepends=True)
    path = tmp_path / "config.toml"
    path.write_text("".join(line for line in lines if not line.startswith("embedding_dim")))
    with pytest.raises(CheckpointError, match="not a complete config"):
        weights.read_config(path)


def test_weights_that_do_not_fit_are_refused(trained: Trained) -> None:
    folder = weights.find(trained.run)
    state, config = weights.read(folder)
    other = dataclasses.replace(state, frozen_sha256="0" * 64)
    with pytest.raises(CheckpointError, match=r"frozen weights of minilm differ"):
        weights.load_weights(folder, OphCLIP(config.model), other)
    shared = config.model.model_copy(update={"separate_heads": not config.model.separate_heads})
    with pytest.raises(CheckpointError, match=r"does not fit its config, tensors .*heads"):
        weights.load_weights(folder, OphCLIP(shared), state)
