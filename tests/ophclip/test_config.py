"""Settings below training: sections by their class, changed values, and the rule between two sections."""

from __future__ import annotations

import pytest

from ophclip.config import (
    ENCODER_SECTIONS,
    AugmentConfig,
    DataConfig,
    EncoderConfig,
    ModelConfig,
    change,
    to_toml,
)
from ophclip.errors import ConfigError

DEFAULTS = EncoderConfig(sections={name: kind() for name, kind in ENCODER_SECTIONS.items()})


def test_a_section_is_found_by_its_class():
    assert DEFAULTS.get(ModelConfig) is DEFAULTS.model
    assert DEFAULTS.get(DataConfig) is DEFAULTS.data
    with pytest.raises(LookupError, match="AugmentConfig"):
        DEFAULTS.get(AugmentConfig)


def test_a_changed_config_keeps_its_other_values(tmp_path):
    changed = change(DEFAULTS, overrides=["model.image_size=128"])
    path = tmp_path / "config.toml"
    path.write_text(to_toml(change(changed, overrides=["data.fit=crop"])), encoding="utf-8")
    assert change(DEFAULTS, files=[path]).model == changed.model
    with pytest.raises(ConfigError, match="unknown section 'train'"):
        change(changed, overrides=["train.seed=1"])


def test_context_needs_frames_and_layers():
    with pytest.raises(ConfigError, match="belong together"):
        change(DEFAULTS, overrides=["data.context=1"])
