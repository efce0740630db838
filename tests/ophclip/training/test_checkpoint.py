"""Checkpoints: whole or absent, checked, and free of pickles."""

from __future__ import annotations

import os

import pytest
import torch

from ophclip.errors import CheckpointError, ConfigError
from ophclip.model import weights
from ophclip.model.dual_encoder import OphCLIP
from ophclip.training.loop import train
from tests.ophclip.shard_factory import small_config, write_dataset


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint")
    config = small_config(
        "train.max_steps=6", "train.checkpoint_every=2", "train.keep_checkpoints=2"
    )
    train(config, shards_folder=write_dataset(folder / "data"), run=folder / "run", preset="tiny")
    return folder / "run"


def test_the_newest_are_kept_and_nothing_half_written(run):
    names = sorted(path.name for path in (run / "checkpoints").iterdir())
    assert names == ["step-00000004", "step-00000006"]


def test_weights_round_trip(run):
    folder = weights.find(run)
    weights.verify(folder)
    state, config = weights.read(folder)
    assert (state.step, state.clip_batches, state.video_batches) == (6, 3, 3)
    assert config == weights.read_config(run / "config.toml")
    model, other = OphCLIP(config.model), OphCLIP(config.model)
    weights.load_weights(folder, model, state)
    weights.load_weights(folder, other, state)
    for (name, first), second in zip(
        model.state_dict().items(), other.state_dict().values(), strict=True
    ):
        assert torch.equal(first, second), name
    assert model.text_centre.any()


def test_encoding_needs_neither_the_sections_of_training_nor_their_terms(run, tmp_path):
    whole, path = weights.read_config(run / "config.toml"), tmp_path / "config.toml"
    text = (run / "config.toml").read_text(encoding="utf-8")
    path.write_text(text.split("[augment]")[0] + "[a_term_of_mine]\nx = 1\n", encoding="utf-8")
    assert weights.read_config(path) == whole
    path.write_text(text.replace("clip_batch = ", "clip_bach = "), encoding="utf-8")
    with pytest.raises(ConfigError, match="did you mean 'clip_batch'"):
        weights.read_config(path)
    path.write_text(text.replace('fit = "squash"\n', ""), encoding="utf-8")
    with pytest.raises(CheckpointError, match="not a complete config"):
        weights.read_config(path)


def test_no_file_is_a_pickle_and_frozen_weights_are_not_stored(run):
    folder = weights.find(run)
    assert {path.suffix for path in folder.iterdir()} == {".safetensors", ".json", ".toml", ""}
    names = weights.load_tensors(folder / "model.safetensors")
    assert not any(name.startswith("text_encoder.") for name in names)


@pytest.mark.parametrize("name", ["model.safetensors", "state.json", "config.toml"])
def test_damage_is_noticed(run, name):
    path = weights.find(run) / name
    content = path.read_bytes()
    try:
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(CheckpointError, match=name):
            weights.verify(path.parent)
        path.unlink()
        with pytest.raises(CheckpointError, match=name):
            weights.verify(path.parent)
    finally:
        path.write_bytes(content)


def test_other_frozen_weights_are_refused(run):
    folder = weights.find(run)
    state, config = weights.read(folder)
    model = OphCLIP(config.model)
    with torch.no_grad():
        next(model.text_encoder.network.parameters()).add_(1)
    with pytest.raises(CheckpointError, match="frozen weights"):
        weights.load_weights(folder, model, state)


def test_the_newest_run_is_found(run, tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint"):
        weights.find(tmp_path)
    newest = weights.find(run)
    assert newest.name == "step-00000006"
    assert weights.find(newest.with_name("step-00000004")).name == "step-00000004"
    for age, name in ((100, "b-old"), (0, "a-new")):
        copy = tmp_path / name / "checkpoints" / "step-00000001"
        copy.mkdir(parents=True)
        (copy / weights.SUMS).touch()
        os.utime(copy / weights.SUMS, (1e9 - age, 1e9 - age))
    assert weights.find(tmp_path).parts[-3] == "a-new"
    unfinished = tmp_path / "c-newer" / "checkpoints" / ".step-00000002.99"
    unfinished.mkdir(parents=True)
    assert weights.find(tmp_path).parts[-3] == "a-new"
