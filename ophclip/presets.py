"""Configs by name, and the choice among them. Importing this loads no heavy package.

`tiny` trains from scratch on a CPU in minutes: it is the defaults of the classes. `paper` follows what is
known of OphCLIP and fills the rest from its sibling PeskaVLP (docs/method.md says which is which). In the
learnability study (docs/method.md, section 7) neither retrieval nor the titles of silent videos was worth its
cost, so `tiny` has clips and video titles alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ophclip.config import Config, resolve
from ophvl.config import Layer

PRESETS: Mapping[str, Layer] = {
    "tiny": Layer(origin="preset tiny", values={}),
    "paper": Layer(
        origin="preset paper",
        values={
            "model": {
                "image_encoder": "microsoft/resnet-50",
                "image_size": 224,
                "text_encoder": "emilyalsentzer/Bio_ClinicalBERT",
                "text_trainable_layers": -1,
                "temporal_layers": 2,
                "max_tokens": 77,
                "embedding_dim": 768,
            },
            "data": {
                "clip_batch": 120,
                "video_batch": 16,
                "clip_frames": 8,
                "video_frames": 64,
                "phase_batch": 32,
                "phase_frames": 16,
                "fit": "crop",
                "workers": 8,
                "shuffle_groups": 64,
            },
            "augment": {
                "rotation_deg": 15.0,
                "zoom_min": 0.6,
                "zoom_max": 1.1,
                "stretch": 0.1,
                "cast": 0.05,
                "channel_mix": 0.0,
            },
            "loss": {"same_text_cosine": 1.0},
            "bank": {"enabled": True, "neighbours": 4, "refresh": 16},
            "optim": {"lr": 8e-5, "warmup_steps": 1000},
            "train": {
                "precision": "bf16",
                "epochs": 30,
                "max_steps": 0,
                "clip_steps": 4,
                "log_every": 50,
                "checkpoint_every": 2000,
                "keep_checkpoints": 3,
            },
        },
    ),
}
"""What each preset changes of the defaults."""


def tiny() -> Config:
    """Return a config with an image encoder of 0.2 M parameters and a frozen sentence encoder."""
    return resolve([PRESETS["tiny"]])


def paper() -> Config:
    """Return a config with ResNet-50 and a clinical BERT, 224 px, 8 frames a clip and 64 a video."""
    return resolve([PRESETS["paper"]])


def choose() -> tuple[str, str]:
    """Return the preset for this machine, and the reason in words."""
    import torch

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
    from huggingface_hub import try_to_load_from_cache

    files = ("config.json", "model.safetensors")
    if Path(name).is_dir():
        return all((Path(name) / file).is_file() for file in files)
    return all(isinstance(try_to_load_from_cache(name, file), str) for file in files)
