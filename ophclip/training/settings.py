"""All settings of a run: the sections of encoders, trainer and loss terms, resolved from layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from huggingface_hub import try_to_load_from_cache
from pydantic import create_model

from ophclip.config import ENCODER_SECTIONS, AugmentConfig
from ophclip.model.weights import require_complete
from ophclip.presets import PRESETS
from ophclip.training.config import Config, LossConfig, OptimConfig, TrainConfig
from ophclip.training.terms.registry import TERMS
from ophclip.training.terms.term import Term
from ophvl.config import Layer, Resolved, Sections, Settings, read_layer, resolve_layers


def assemble(terms: Sequence[type[Term]]) -> Sections:
    """Return the sections of a run with these terms: the trainer's own, and what the terms declare.

    Raises:
        TypeError: a name is declared twice.
    """
    sections: list[tuple[str, type[Settings]]] = [
        *ENCODER_SECTIONS.items(),
        ("augment", AugmentConfig),
        ("loss", _loss_section(terms)),
        *dict.fromkeys(item for term in terms for item in term.sections.items()),
        ("optim", OptimConfig),
        ("train", TrainConfig),
    ]
    _require_distinct(name for name, _ in sections)
    return dict(sections)


def _loss_section(terms: Sequence[type[Term]]) -> type[Settings]:
    keys: list[type[Settings]] = [
        LossConfig,
        *dict.fromkeys(term.loss_keys for term in terms if term.loss_keys),
    ]
    _require_distinct(name for kind in keys for name in _names(kind))
    # Pydantic lists the fields of the last base first.
    bases = tuple(reversed(keys))
    return create_model(LossConfig.__name__, __base__=bases, __doc__=LossConfig.__doc__)


def _names(kind: type[Settings]) -> Iterable[str]:
    """Return the names of a class's keys and validators: in the joined class an equal name would win."""
    names = {*vars(kind), *kind.model_fields} - {*vars(Settings)}
    return [name for name in names if not name.startswith("__")]


def _require_distinct(names: Iterable[str]) -> None:
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise TypeError(f"the settings of two loss terms share a name: {', '.join(repeated)}")


SECTIONS = assemble(TERMS)


def resolve(layers: Iterable[Layer], sections: Sections = SECTIONS) -> Config:
    """Return the defaults with the values of `layers`, of which later ones win.

    Raises:
        ConfigError: a name or value does not fit; the message says in which layer.
    """
    return Config(sections=resolve_layers(sections, layers).settings)


def resolve_with_origins(layers: Sequence[Layer]) -> Resolved:
    """Return the sections with the values of `layers` and the origin of each.

    Raises:
        ConfigError: as `resolve`.
    """
    resolved = resolve_layers(SECTIONS, layers)
    Config(sections=resolved.settings)  # Checks the rules between sections.
    return resolved


def read_run_config(path: Path) -> Config:
    """Read the whole config of a run, to continue it.

    Raises:
        ConfigError: it cannot be read, or a name or value does not fit.
        CheckpointError: a setting is missing.
    """
    config = resolve([read_layer(path)])
    require_complete(config, path)
    return config


def tiny() -> Config:
    """Return a config with an image encoder of 0.2 M parameters and a frozen sentence encoder."""
    return resolve([PRESETS["tiny"]])


def paper() -> Config:
    """Return a config with ResNet-50 and a clinical BERT, 224 px, 8 frames a clip and 64 a video."""
    return resolve([PRESETS["paper"]])


def choose() -> tuple[str, str]:
    """Return the preset for this machine, and the reason in words."""
    if not torch.cuda.is_available():
        return "tiny", "there is no CUDA GPU"
    model = paper().model
    for name in (model.image_encoder, model.text_encoder):
        if not is_available(name):
            return (
                "tiny",
                f"the weights of {name} are neither a local folder nor in the model cache",
            )
    return "paper", "there is a CUDA GPU and both encoders are available"


def is_available(name: str) -> bool:
    """Return whether safetensors weights of `name` are in a local folder or in the model hub's cache."""
    files = ("config.json", "model.safetensors")
    if Path(name).is_dir():
        return all((Path(name) / file).is_file() for file in files)
    return all(isinstance(try_to_load_from_cache(name, file), str) for file in files)
