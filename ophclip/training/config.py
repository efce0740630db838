"""Settings of a training run: the trainer's own sections, and `Config`, which holds all of them.

The terms of the loss declare theirs in their own files; `ophclip.training.settings` joins them.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ophclip.config import AugmentConfig, EncoderConfig
from ophclip.errors import ConfigError
from ophvl.config import Settings, Unit

Steps = Unit("steps")


class LossConfig(Settings):
    """The loss: what counts as a negative, and the weights of its terms. A term of weight 0 is off."""

    use_confidence: bool = Field(
        False, description="Weight each pair by the confidence of its text."
    )
    same_text_cosine: float = Field(
        0.35,
        gt=0,
        le=1,
        description="Texts whose frozen, centred features are at least this similar (cosine) count as "
        "the same "
        "text: neither positive nor negative of each other. 1 masks equal texts only, and is the only choice "
        "for a text encoder that is trained.",
    )
    silent_titles: bool = Field(
        False, description="Silent videos with a title join the video level as pairs of their own."
    )


class OptimConfig(Settings):
    """The optimiser (AdamW) and its learning rate."""

    lr: float = Field(2e-3, gt=0, description="Highest learning rate of the projections.")
    encoder_lr_share: float = Field(
        1.0, ge=0, description="Learning rate of the encoders' weights as a share of lr."
    )
    weight_decay: float = Field(
        0.05, ge=0, description="Weight decay; vectors and scalars have none."
    )
    beta1: float = Field(0.9, ge=0, lt=1, description="Decay of the gradients' mean.")
    beta2: float = Field(0.98, ge=0, lt=1, description="Decay of the gradients' mean square.")
    warmup_steps: Annotated[int, Steps] = Field(
        50, ge=0, description="The learning rate rises to its highest over this many steps."
    )
    final_lr_share: float = Field(
        0.01, ge=0, le=1, description="Learning rate of the last step as a share of the highest."
    )
    clip_norm: float = Field(
        1.0, ge=0, description="Gradients longer than this are shortened to it; 0 for no limit."
    )


class TrainConfig(Settings):
    """The run: its length, machine and files."""

    seed: int = Field(0, description="Seed of everything that is drawn at random.")
    device: str = Field(
        "auto", description="auto, cpu or cuda; auto takes a CUDA GPU if there is one."
    )
    precision: Literal["fp32", "bf16", "fp16"] = Field(
        "fp32",
        description="Precision of the encoders: bf16 by autocast, fp16 with a loss scale as well. "
        "Losses are fp32.",
    )
    threads: Annotated[int, Unit("CPU threads")] = Field(
        0,
        ge=0,
        description="0 measures whether all cores or one is faster just now. The run's config keeps the "
        "number: "
        "sums come out the same only with the same one.",
    )
    epochs: int = Field(
        0,
        ge=0,
        description="The run ends after this many passes over the clips, or after max_steps; 0 for no limit.",
    )
    max_steps: Annotated[int, Steps] = Field(
        2200,
        ge=0,
        description="The run ends after this many steps, or after epochs; 0 for no limit.",
    )
    clip_steps: Annotated[int, Steps] = Field(
        9,
        ge=1,
        description="Steps alternate: this many at clip level, then video_steps at video level.",
    )
    video_steps: Annotated[int, Steps] = Field(
        1, ge=0, description="Steps at video level after each clip_steps; 0 for clips only."
    )
    ema_decay: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Decay of the moving average of the weights, which checkpoints then evaluate; 0 for "
        "none.",
    )
    stop_above: float = Field(
        3.0,
        ge=0,
        description="The run stops as diverged when a level's mean loss over 50 of its steps is above "
        "this many "
        "times the loss of guessing, log(batch); 0 never stops it.",
    )
    log_every: Annotated[int, Steps] = Field(20, ge=1, description="Steps between two log lines.")
    wandb: str = Field(
        "", description='Project of Weights & Biases that gets the metrics as well; "" for none.'
    )
    checkpoint_every: Annotated[int, Steps] = Field(
        400, ge=1, description="Steps between checkpoints; there is one at the end as well."
    )
    keep_checkpoints: Annotated[int, Unit("checkpoints")] = Field(
        2, ge=1, description="Checkpoints that remain; older ones are deleted."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.epochs and not self.max_steps:
            raise ValueError("set epochs or max_steps: a run needs an end")
        return self


class Config(EncoderConfig):
    """All settings of a run. A term of the loss gets its own by their class: `config.get(OrderLoss)`."""

    def __post_init__(self) -> None:
        if self.model.text_learns and self.loss.same_text_cosine < 1:
            raise ConfigError(
                "loss.same_text_cosine below 1 needs the features of a frozen text encoder; set it to 1, or "
                "model.text_trainable_layers to 0 and model.lora_on to image"
            )
        super().__post_init__()

    @property
    def augment(self) -> AugmentConfig:
        """Return section `augment`."""
        return self.get(AugmentConfig)

    @property
    def loss(self) -> LossConfig:
        """Return section `loss`, of which the keys that no single term owns."""
        return self.get(LossConfig)

    @property
    def optim(self) -> OptimConfig:
        """Return section `optim`."""
        return self.get(OptimConfig)

    @property
    def train(self) -> TrainConfig:
        """Return section `train`."""
        return self.get(TrainConfig)
