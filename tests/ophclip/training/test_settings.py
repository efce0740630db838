"""All settings of a run: layers, refusals, the way back from TOML, and terms that bring their own."""

from __future__ import annotations

import json
import re
import tomllib
from typing import ClassVar

import pytest
import torch
from pydantic import Field

from ophclip.config import change, to_toml
from ophclip.errors import CheckpointError, ConfigError
from ophclip.inference import pretrained
from ophclip.presets import PRESETS
from ophclip.training import settings
from ophclip.training.config import OptimConfig
from ophclip.training.loop import train
from ophclip.training.settings import (
    SECTIONS,
    assemble,
    is_available,
    paper,
    read_run_config,
    resolve,
    resolve_with_origins,
    tiny,
)
from ophclip.training.terms.registry import TERMS
from ophclip.training.terms.retrieval import BankConfig
from ophclip.training.terms.term import Term, TermLoss
from ophvl.config import Layer, Settings, parse_override
from ophvl.settings_text import as_terminal
from schemas.vocab import Level
from tests.ophclip.shard_factory import small_config, write_dataset


def test_later_sources_win(tmp_path):
    first, second = tmp_path / "a.toml", tmp_path / "b.toml"
    first.write_text("[optim]\nlr = 0.1\nwarmup_steps = 7\n", encoding="utf-8")
    second.write_text("[optim]\nlr = 1\n", encoding="utf-8")
    config = change(tiny(), files=[first, second], overrides=["train.seed=5", "bank.key=text"])
    assert (config.optim.lr, config.optim.warmup_steps) == (1.0, 7)
    assert (config.train.seed, config.get(BankConfig).key) == (5, "text")
    assert config.model == tiny().model


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_toml_holds_everything(preset, tmp_path):
    config = resolve([PRESETS[preset]])
    path = tmp_path / "config.toml"
    path.write_text(to_toml(config), encoding="utf-8")
    assert change(paper() if preset == "tiny" else tiny(), files=[path]) == config


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("optim.lrr=1", "did you mean 'lr'"),
        ("optin.lr=1", "did you mean 'optim'"),
        ("optim.lr", "section.key=value"),
        ("optim.lr=fast", "optim.lr must be a number, above 0, not 'fast'"),
        ("train.seed=1.5", "a whole number"),
        ("train.seed=true", "a whole number"),
        ("bank.enabled=False", "true or false"),
        ("loss.use_confidence='false'", "true or false"),
        ("bank.key=sound", "one of joint, visual, text"),
        ("model.image_widths=[1, 'a']", "a list of 4 whole numbers"),
        ("data.clip_batch=1", "at least 2"),
        ("augment.zoom_min=2.0", "zoom_min <= zoom_max"),
        ("bank.form=joined", "needs learns = true"),
        ("data.context=1", "belong together"),
        ("model.lora_rank=4", "frozen|same_text_cosine"),
        ("train.max_steps=0", "a run needs an end"),
        ("model.text_trainable_layers=2", "same_text_cosine"),
    ],
)
def test_what_does_not_fit_is_refused_with_help(text, told):
    with pytest.raises(ConfigError, match=told):
        change(tiny(), overrides=[text])


def test_every_setting_has_a_meaning_and_bounds_that_its_default_meets():
    for section in resolve([]).sections.values():
        for key, field in type(section).model_fields.items():
            assert field.description, key
            assert type(section).model_validate({key: field.default}), key


def test_a_description_names_value_origin_unit_and_default():
    text = as_terminal(
        SECTIONS, resolve_with_origins([PRESETS["paper"], parse_override("carry.window_s=3")])
    )
    assert "image_size = 224 pixels  (preset paper)" in text
    assert "window_s = 3.0 s  (--set carry.window_s=3)" in text
    assert "Length of a window. A number, above 0; default 5.0 s." in text
    assert "seed = 0  (default)" in text
    assert all(f"[{section}]" in text for section in SECTIONS)


def test_false_is_false():
    assert change(tiny(), overrides=["bank.enabled=false"]).get(BankConfig).enabled is False


ON_THE_HUB = {"microsoft/resnet-50", "emilyalsentzer/Bio_ClinicalBERT"}
"""As their owners spell them; that they can be loaded, no test without a network can tell."""


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_presets_name_known_models_and_no_place_of_one_machine(preset):
    config = resolve([PRESETS[preset]])
    named = {config.model.image_encoder, config.model.text_encoder}
    assert named <= ON_THE_HUB | {"scratch", "minilm"}
    assert not re.search(r'"(/|~|[A-Za-z]:\\)', to_toml(config))


@pytest.mark.parametrize("text", ["lr = 1", "[optim\n", "[optim]\nlrr = 1\n"])
def test_bad_files_are_named(tmp_path, text):
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"bad\.toml"):
        change(tiny(), files=[path])


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="cannot read the config file"):
        change(tiny(), files=[tmp_path / "none.toml"])


def test_a_local_folder_is_is_available_only_with_its_weights(tmp_path):
    assert not is_available(str(tmp_path))
    (tmp_path / "config.json").touch()
    (tmp_path / "model.safetensors").touch()
    assert is_available(str(tmp_path))


def test_a_run_is_continued_with_a_config_that_is_whole_and_known(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(to_toml(paper()), encoding="utf-8")
    assert read_run_config(path) == paper()
    path.write_text(to_toml(paper()) + "\n[bonk]\nenabled = true\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="unknown section 'bonk'; did you mean 'bank'"):
        read_run_config(path)
    path.write_text(to_toml(paper()).replace("carry_weight = 0.0\n", ""), encoding="utf-8")
    with pytest.raises(CheckpointError, match="not a complete config"):
        read_run_config(path)


class CompactKeys(Settings):
    """The weight of the term, in section `loss`."""

    compact_weight: float = Field(0.0, ge=0, description="Weight of it.")


class CompactConfig(Settings):
    """How embeddings are kept together."""

    power: int = Field(2, ge=1, description="Exponent of the distance.")


class Compact(Term):
    """A term that only this file knows: clips near their mean."""

    level = Level.CLIP
    name = "compact"
    loss_keys = CompactKeys
    sections: ClassVar = {"compact": CompactConfig}

    @classmethod
    def start(cls, run, log):
        return cls(run) if run.config.get(CompactKeys).compact_weight else None

    def loss(self, step, encoded):
        visual = encoded.batch.visual
        distance = (visual - visual.mean(0)).norm(dim=-1) ** self.config.get(CompactConfig).power
        return TermLoss(loss=self.config.get(CompactKeys).compact_weight * distance.mean())


def test_a_term_brings_its_settings_and_is_trained_with_them(tmp_path, monkeypatch):
    terms = (*TERMS, Compact)
    small = Layer(origin="small", values=tomllib.loads(to_toml(small_config("train.max_steps=2"))))
    mine = map(parse_override, ["loss.compact_weight=0.5", "compact.power=3"])
    config = resolve([small, *mine], assemble(terms))
    assert (config.get(CompactKeys).compact_weight, config.get(CompactConfig).power) == (0.5, 3)
    saved = tomllib.loads(to_toml(config))
    assert list(saved)[-4:] == ["carry", "compact", "optim", "train"]
    assert list(saved["loss"])[-2:] == ["carry_weight", "compact_weight"]

    monkeypatch.setattr("ophclip.training.trainer.TERMS", terms)
    data, run = write_dataset(tmp_path / "data"), tmp_path / "run"
    train(config, shards_folder=data, run=run, preset="tiny")
    clip, video = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    assert 0 < clip["loss_compact"] < clip["loss"]
    assert "loss_compact" not in video
    assert pretrained.read(run, device="cpu").config.model == config.model


def test_settings_of_two_terms_may_not_share_a_name():
    class Again(Compact):
        loss_keys = type("Again", (CompactKeys,), {"__annotations__": {"order_weight": float}})

    with pytest.raises(TypeError, match="order_weight"):
        assemble((*TERMS, Again))

    class Optimiser(Compact):
        sections: ClassVar = {"optim": OptimConfig}

    with pytest.raises(TypeError, match="optim"):
        assemble((*TERMS, Optimiser))


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_one_file_of_an_encoder_is_not_enough(tmp_path, file):
    (tmp_path / file).touch()
    assert not is_available(str(tmp_path))


@pytest.mark.parametrize(
    ("gpu", "cached", "expected"),
    [
        (False, (), "tiny"),
        (True, ("image",), "tiny"),
        (True, ("text",), "tiny"),
        (True, ("image", "text"), "paper"),
    ],
)
def test_the_preset_of_a_machine_is_the_one_that_it_can_run(monkeypatch, gpu, cached, expected):
    model = settings.paper().model
    names = {getattr(model, f"{kind}_encoder") for kind in cached}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(settings, "is_available", lambda name: name in names)
    preset, reason = settings.choose()
    assert preset == expected
    (missing,) = {"image", "text"} - set(cached) if len(cached) == 1 else {""}
    if missing:
        assert f"the weights of {getattr(model, f'{missing}_encoder')} are neither" in reason
