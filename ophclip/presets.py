"""Complete configs by name, and the choice among them. Importing this loads no heavy package.

`tiny` learns from scratch on a CPU in minutes; `paper` follows what is known of OphCLIP and fills the
rest from its sibling PeskaVLP (docs/method.md tells which is which).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ophclip.config import (
    AugmentConfig,
    BankConfig,
    CarryConfig,
    Config,
    DataConfig,
    LossConfig,
    ModelConfig,
    OptimConfig,
    TrainConfig,
)


def tiny() -> Config:
    """An image encoder of 0.2 M parameters beside a frozen sentence encoder.

    Clips and video titles alone: in the learnability study (docs/method.md, section 7) neither retrieval
    nor the titles of silent videos earned their cost.
    """
    return Config(
        model=ModelConfig(
            image_encoder="scratch",
            image_widths=(64, 128, 192, 256),
            image_depths=(1, 1, 1, 1),
            image_size=96,
            image_trainable_layers=-1,
            text_encoder="minilm",
            text_trainable_layers=0,
            lora_rank=0,
            lora_alpha=16,
            lora_on="text",
            frame_pooling="mean",
            temporal_layers=1,
            context_layers=0,
            max_tokens=64,
            embedding_dim=384,
            separate_heads=True,
            freeze_batchnorm=True,
            initial_temperature=0.07,
            max_logit_scale=100.0,
        ),
        data=DataConfig(
            clip_batch=32,
            video_batch=8,
            chunk=0,
            clip_frames=1,
            video_frames=4,
            video_narrations=8,
            phase_batch=16,
            phase_frames=2,
            context=0,
            context_stride_s=5.0,
            fit="squash",
            margin=1.15,
            cache_mb=2048,
            workers=2,
            shuffle_groups=16,
        ),
        augment=AugmentConfig(
            rotation_deg=30.0,
            zoom_min=0.7,
            zoom_max=1.0,
            stretch=0.15,
            shift=0.1,
            mirror_p=0.0,
            brightness=0.2,
            contrast=0.2,
            saturation=0.2,
            cast=0.15,
            channel_mix=0.15,
            sentence_crop_p=0.0,
        ),
        loss=LossConfig(
            use_confidence=False,
            same_text_cosine=0.35,
            silent_titles=False,
            parent_child_weight=0.5,
            order_weight=0.0,
            retrieval_weight=0.25,
            phase_weight=0.0,
            carry_weight=0.0,
        ),
        bank=BankConfig(
            enabled=False,
            neighbours=2,
            choice="nearest",
            form="pooled",
            learns=False,
            fuse_weight=0.5,
            key="joint",
            pool_temperature=0.1,
            refresh=4,
        ),
        carry=CarryConfig(windows=16, window_s=5.0, neighbours=4, key="joint", temperature=0.1),
        optim=OptimConfig(
            lr=2e-3,
            encoder_lr_share=1.0,
            weight_decay=0.05,
            beta1=0.9,
            beta2=0.98,
            warmup_steps=50,
            final_lr_share=0.01,
            clip_norm=1.0,
        ),
        train=TrainConfig(
            seed=0,
            device="auto",
            precision="fp32",
            threads=0,
            epochs=0,
            max_steps=2200,
            clip_steps=9,
            video_steps=1,
            ema_decay=0.0,
            stop_above=3.0,
            log_every=20,
            wandb="",
            checkpoint_every=400,
            keep_checkpoints=2,
        ),
    )


def paper() -> Config:
    """ResNet-50 and a clinical BERT, 224 px, 8 frames a clip and 64 a video."""
    return Config(
        model=ModelConfig(
            image_encoder="microsoft/resnet-50",
            image_widths=(64, 128, 192, 256),
            image_depths=(1, 1, 1, 1),
            image_size=224,
            image_trainable_layers=-1,
            text_encoder="emilyalsentzer/Bio_ClinicalBERT",
            text_trainable_layers=-1,
            lora_rank=0,
            lora_alpha=16,
            lora_on="text",
            frame_pooling="mean",
            temporal_layers=2,
            context_layers=0,
            max_tokens=77,
            embedding_dim=768,
            separate_heads=True,
            freeze_batchnorm=True,
            initial_temperature=0.07,
            max_logit_scale=100.0,
        ),
        data=DataConfig(
            clip_batch=120,
            video_batch=16,
            chunk=0,
            clip_frames=8,
            video_frames=64,
            video_narrations=8,
            phase_batch=32,
            phase_frames=16,
            context=0,
            context_stride_s=5.0,
            fit="crop",
            margin=1.15,
            cache_mb=2048,
            workers=8,
            shuffle_groups=64,
        ),
        augment=AugmentConfig(
            rotation_deg=15.0,
            zoom_min=0.6,
            zoom_max=1.1,
            stretch=0.1,
            shift=0.1,
            mirror_p=0.0,
            brightness=0.2,
            contrast=0.2,
            saturation=0.2,
            cast=0.05,
            channel_mix=0.0,
            sentence_crop_p=0.0,
        ),
        loss=LossConfig(
            use_confidence=False,
            same_text_cosine=1.0,
            silent_titles=False,
            parent_child_weight=0.5,
            order_weight=0.0,
            retrieval_weight=0.25,
            phase_weight=0.0,
            carry_weight=0.0,
        ),
        bank=BankConfig(
            enabled=True,
            neighbours=4,
            choice="nearest",
            form="pooled",
            learns=False,
            fuse_weight=0.5,
            key="joint",
            pool_temperature=0.1,
            refresh=16,
        ),
        carry=CarryConfig(windows=16, window_s=5.0, neighbours=4, key="joint", temperature=0.1),
        optim=OptimConfig(
            lr=8e-5,
            encoder_lr_share=1.0,
            weight_decay=0.05,
            beta1=0.9,
            beta2=0.98,
            warmup_steps=1000,
            final_lr_share=0.01,
            clip_norm=1.0,
        ),
        train=TrainConfig(
            seed=0,
            device="auto",
            precision="bf16",
            threads=0,
            epochs=30,
            max_steps=0,
            clip_steps=4,
            video_steps=1,
            ema_decay=0.0,
            stop_above=3.0,
            log_every=50,
            wandb="",
            checkpoint_every=2000,
            keep_checkpoints=3,
        ),
    )


PRESETS: dict[str, Callable[[], Config]] = {"tiny": tiny, "paper": paper}


def choose() -> tuple[str, str]:
    """The preset for this machine, and the reason in words."""
    import torch

    if not torch.cuda.is_available():
        return "tiny", "there is no CUDA GPU"
    model = paper().model
    for name in (model.image_encoder, model.text_encoder):
        if not in_reach(name):
            return (
                "tiny",
                f"the weights of {name} are neither a local folder nor in the model cache",
            )
    return "paper", "there is a CUDA GPU and both encoders are in reach"


def in_reach(name: str) -> bool:
    """Whether safetensors weights of `name` lie in a local folder or in the model hub's cache."""
    from huggingface_hub import try_to_load_from_cache

    files = ("config.json", "model.safetensors")
    if Path(name).is_dir():
        return all((Path(name) / file).is_file() for file in files)
    return all(isinstance(try_to_load_from_cache(name, file), str) for file in files)
