"""What the study compares, and what all of it shares. Chosen on development seeds with clips only.

All variants take the same number of clip steps on the same clips; whatever else they do comes on top. One
control gets as many pictures as the variant with the most.
"""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.learnability.corpus import Sizes
from ophclip.config import Config, change
from ophclip.presets import tiny

DEVELOPMENT_SEEDS = (9001, 9002)
"""Only these were looked at while corpus and settings were chosen."""
QUICK_SEED = 1
"""Of the quick study alone: its figures were seen before the corpus was mended for the last time."""
SEEDS = (2, 3, 4, 5, 6)

FULL = Sizes(narrated=600, silent=400, test=150)
QUICK = Sizes(narrated=300, silent=200, test=60)

FULL_STEPS = 1500
QUICK_STEPS = 600
"""Clip steps."""

_CYCLE = 3
"""Clip steps to one video step, where there is a video level."""

_SHARED = (
    "model.image_size=64",
    "data.margin=1.1",
    "data.clip_batch=32",
    "data.clip_frames=1",
    "data.video_batch=16",
    "data.video_frames=4",
    "augment.channel_mix=0.05",
    "optim.lr=3e-3",
    "loss.silent_titles=false",
    "loss.parent_child_weight=0.5",
    "bank.neighbours=4",
    "bank.refresh=16",
    "carry.windows=32",
    "train.threads=1",
    "train.log_every=1000",
    "train.checkpoint_every=1000000",
    "train.keep_checkpoints=1",
)

_NO_VIDEO = ("train.clip_steps=1", "train.video_steps=0")
_VIDEO = (f"train.clip_steps={_CYCLE}", "train.video_steps=1")
_NO_RETRIEVAL = (*_VIDEO, "bank.enabled=false", "loss.retrieval_weight=0.0")
_PAPER = (*_VIDEO, "loss.retrieval_weight=0.5")
_JOINED = (*_PAPER, "bank.form=joined", "bank.learns=true", "bank.neighbours=2")
_CARRY = ("loss.carry_weight=0.5",)
_CONTEXT = ("model.context_layers=1", "data.context=2", "data.context_stride_s=8.0")

VARIANTS: Mapping[str, tuple[str, ...]] = {
    "clip level only": _NO_VIDEO,
    "clip level only, pictures of the costliest": (*_NO_VIDEO, "@more"),
    "+ video level": _NO_RETRIEVAL,
    "+ video level, one head": (*_NO_RETRIEVAL, "model.separate_heads=false"),
    "+ silent titles, no retrieval": (*_NO_RETRIEVAL, "loss.silent_titles=true"),
    "+ retrieval, paper's form": _PAPER,
    "+ random neighbours": (*_PAPER, "bank.choice=random"),
    "+ retrieval, multi-positive": (*_PAPER, "bank.form=multi_positive"),
    "+ retrieval, fused": (*_PAPER, "bank.form=fused"),
    "+ retrieval, neighbours learn and join": _JOINED,
    "+ random neighbours learn and join": (*_JOINED, "bank.choice=random"),
    "+ carried narrations, clips only": (*_NO_VIDEO, *_CARRY),
    "+ context in time, clips only": (*_NO_VIDEO, *_CONTEXT),
    "+ context, silent titles": (*_NO_RETRIEVAL, "loss.silent_titles=true", *_CONTEXT),
    "+ context, silent titles, carried": (
        *_NO_RETRIEVAL,
        "loss.silent_titles=true",
        *_CONTEXT,
        *_CARRY,
    ),
    "retrieval, K = 1": (*_PAPER, "bank.neighbours=1"),
    "retrieval, K = 8": (*_PAPER, "bank.neighbours=8"),
    "retrieval, visual keys": (*_PAPER, "bank.key=visual"),
    "retrieval, text keys": (*_PAPER, "bank.key=text"),
}

QUICK_VARIANTS = (
    "clip level only",
    "+ video level",
    "+ silent titles, no retrieval",
    "+ retrieval, paper's form",
    "+ random neighbours",
)

_MOST_PICTURES = 5
"""Pictures of the costliest variant for each of the clip level: a clip and 4 around it. Of 3 clip steps of
32 and a video step, 96 clips, 16 x 4 pictures of videos and as many again of two neighbours each: 3."""


def config_of(name: str, *, seed: int, clip_steps: int) -> Config:
    """The settings of a variant."""
    changes = VARIANTS[name]
    overrides = [*_SHARED, *(one for one in changes if not one.startswith("@"))]
    if "train.video_steps=1" in changes:
        steps = clip_steps // _CYCLE * (_CYCLE + 1)
    else:
        steps = clip_steps * (_MOST_PICTURES if "@more" in changes else 1)
    overrides += [f"train.max_steps={steps}", f"train.seed={seed}"]
    return change(tiny(), overrides=overrides)
