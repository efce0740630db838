"""Configs by name, as data: importing this loads no heavy package. `ophclip.training.settings` resolves them.

`tiny` trains from scratch on a CPU in minutes: it is the defaults of the classes. `paper` follows what is
known of OphCLIP and fills the rest from its sibling PeskaVLP (docs/method.md says which is which). In the
learnability study (docs/method.md, section 7) neither retrieval nor the titles of silent videos was worth its
cost, so `tiny` has clips and video titles alone.
"""

from __future__ import annotations

from collections.abc import Mapping

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
