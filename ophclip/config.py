"""Settings of a training run: one section a class, all of them in `Config`.

The mechanism is `ophvl.config`. Defaults stand in the classes; `ophclip.presets` names what other configs
change. Sections and keys are those of checkpoints' `config.toml`. The file is long because every setting of
the trainer stands here with its meaning, unit, bounds and default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal, Self, get_type_hints

from pydantic import Field, model_validator

from ophclip.errors import ConfigError
from ophvl import config as mechanism
from ophvl.config import (
    Layer,
    Resolved,
    Settings,
    Unit,
    parse_override,
    read_layer,
    resolve_layers,
)

Frames = Unit("frames")
Items = Unit("items")
Layers = Unit("layers")
Steps = Unit("steps")

Key = Literal["joint", "visual", "text"]


class ModelConfig(Settings):
    """The dual encoder."""

    image_encoder: str = Field(
        "scratch",
        description='"scratch" (a small network with GroupNorm, randomly initialised), an id on the model '
        "hub, or a local folder.",
    )
    image_widths: tuple[Annotated[int, Field(ge=32, multiple_of=32)], ...] = Field(
        (64, 128, 192, 256),
        min_length=4,
        max_length=4,
        description="Channels of the 4 stages of the network from scratch. Each of its blocks normalises a "
        "quarter of them in 8 groups.",
    )
    image_depths: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (1, 1, 1, 1),
        min_length=4,
        max_length=4,
        description="Blocks of the 4 stages of the network from scratch.",
    )
    image_size: Annotated[int, Unit("pixels")] = Field(
        96, ge=64, description="Frames enter the encoder as squares of this side."
    )
    image_trainable_layers: Annotated[int, Layers] = Field(
        -1,
        ge=-1,
        description="How many of the image encoder's last layers (stages) are trained: 0 freezes it, -1 "
        "trains all.",
    )
    text_encoder: str = Field(
        "minilm",
        description='"minilm" (the packaged sentence encoder), an id on the model hub, or a local folder.',
    )
    text_trainable_layers: Annotated[int, Layers] = Field(
        0,
        ge=-1,
        description="How many of the text encoder's last layers are trained: 0 freezes it, -1 trains all.",
    )
    lora_rank: int = Field(
        0,
        ge=0,
        description="Rank of the adapters (LoRA) on the attention of frozen encoders; 0 for none.",
    )
    lora_alpha: int = Field(16, ge=1, description="Adapters are scaled by lora_alpha / lora_rank.")
    lora_on: Literal["text", "image", "both"] = Field(
        "text", description="The encoders that get adapters."
    )
    frame_pooling: Literal["mean", "transformer"] = Field(
        "mean",
        description="How the frames of a clip or video become one feature: by their mean, to which "
        '"transformer" adds what temporal_layers layers make of their order.',
    )
    temporal_layers: Annotated[int, Layers] = Field(
        1, ge=0, description='Layers of frame_pooling "transformer".'
    )
    context_layers: Annotated[int, Layers] = Field(
        0,
        ge=0,
        description="Layers of the encoder that shows a clip the frames around it (data.context); 0 for "
        "none.",
    )
    max_tokens: Annotated[int, Unit("tokens")] = Field(
        64, ge=8, description="Longest text; what is beyond is cut off."
    )
    embedding_dim: int = Field(384, ge=1, description="Dimensions of an embedding.")
    separate_heads: bool = Field(
        True, description="Clip and video level have projections of their own."
    )
    freeze_batchnorm: bool = Field(
        True, description="BatchNorm layers keep the statistics they were loaded with."
    )
    initial_temperature: float = Field(
        0.07, gt=0, description="Temperature of the contrast at the start; it is learned."
    )
    max_logit_scale: float = Field(
        100.0, gt=0, description="The logit scale (1 / temperature) is clamped to at most this."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        _require(
            self.image_encoder != "scratch" or self.image_trainable_layers == -1,
            'image_encoder "scratch" starts at random and must be trained whole, without adapters: '
            "image_trainable_layers -1",
        )
        for name, adapters, layers in (
            ("text", self.text_adapters, self.text_trainable_layers),
            ("image", self.image_adapters, self.image_trainable_layers),
        ):
            _require(
                not adapters or layers == 0,
                f"lora_rank = {self.lora_rank} puts adapters on the {name} encoder, which must then be "
                f"frozen: set {name}_trainable_layers to 0, or change lora_on",
            )
        _require(
            self.frame_pooling == "mean" or self.temporal_layers >= 1,
            'frame_pooling "transformer" needs temporal_layers of 1 or more',
        )
        _require(
            self.max_logit_scale >= 1 / self.initial_temperature,
            "max_logit_scale must be at least 1 / initial_temperature",
        )
        return self

    @property
    def text_adapters(self) -> bool:
        """Whether the text encoder has adapters."""
        return self.lora_rank > 0 and self.lora_on in ("text", "both")

    @property
    def image_adapters(self) -> bool:
        """Whether the image encoder has adapters."""
        return self.lora_rank > 0 and self.lora_on in ("image", "both")

    @property
    def text_learns(self) -> bool:
        """Whether any weight of the text encoder is trained."""
        return self.text_trainable_layers != 0 or self.text_adapters

    @property
    def image_learns(self) -> bool:
        """Whether any weight of the image encoder is trained."""
        return self.image_trainable_layers != 0 or self.image_adapters


class DataConfig(Settings):
    """Batches, and the frames and texts drawn for them."""

    clip_batch: Annotated[int, Items] = Field(
        32, ge=2, description="Clips with their narrations in one batch, over all processes."
    )
    video_batch: Annotated[int, Items] = Field(
        8, ge=2, description="Videos with their titles in one batch, over all processes."
    )
    chunk: Annotated[int, Items] = Field(
        0,
        ge=0,
        description="Items that each process encodes at a time; 0 for its share of a batch at once. The "
        "gradient "
        "is that of the whole batch either way: fewer need less memory and one more forward pass.",
    )
    clip_frames: Annotated[int, Frames] = Field(
        1, ge=1, description="Frames drawn from each clip in every step."
    )
    video_frames: Annotated[int, Frames] = Field(
        4, ge=1, description="Frames drawn from each video in every step."
    )
    video_narrations: Annotated[int, Unit("narrations")] = Field(
        8,
        ge=1,
        description="Narrations drawn from each video for the parent-child and order terms, and from "
        "each run.",
    )
    phase_batch: Annotated[int, Items] = Field(
        16,
        ge=2,
        description="Runs of narrations of one phase in each clip step (loss.phase_weight), over all "
        "processes.",
    )
    phase_frames: Annotated[int, Frames] = Field(2, ge=1, description="Frames drawn from each run.")
    context: Annotated[int, Frames] = Field(
        0,
        ge=0,
        description="Frames before each clip, and after it, that the context encoder sees "
        "(model.context_layers).",
    )
    context_stride_s: Annotated[float, Unit("s")] = Field(
        5.0, gt=0, description="Time between these frames."
    )
    fit: Literal["crop", "squash"] = Field(
        "squash",
        description='"crop" takes the middle square of each frame; "squash" resizes all of it to a square.',
    )
    margin: float = Field(
        1.15,
        ge=1,
        description="Frames are stored this many times larger than image_size, for shifts and zooms.",
    )
    cache_mb: Annotated[int, Unit("MiB")] = Field(
        2048,
        ge=0,
        description="Decoded frames stay in memory if all of them fit into this; else each is decoded "
        "when needed.",
    )
    workers: Annotated[int, Unit("processes")] = Field(
        2,
        ge=0,
        description="Loader processes; 0 decodes in the training process. Unused when the frames stay "
        "in memory.",
    )
    shuffle_groups: Annotated[int, Unit("row groups")] = Field(
        16,
        ge=1,
        description="Rows are shuffled within this many row groups at a time, so that reads stay local.",
    )


class AugmentConfig(Settings):
    """Random changes of frames, the same for all frames of an item, and of texts."""

    rotation_deg: Annotated[float, Unit("degrees")] = Field(
        30.0,
        ge=0,
        description="Largest rotation either way: the surgeon sits at the head or at the temple.",
    )
    zoom_min: float = Field(
        0.7,
        gt=0,
        description="Least share of the frame's side that is shown; 0.8 enlarges 80 % of it.",
    )
    zoom_max: float = Field(
        1.0, gt=0, description="Largest share of the frame's side that is shown."
    )
    stretch: float = Field(
        0.15, ge=0, lt=1, description="Largest stretch of one axis against the other, as a share."
    )
    shift: float = Field(0.1, ge=0, description="Largest shift, as a share of the side.")
    mirror_p: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Probability of a mirror image, which turns a right eye into a left one.",
    )
    brightness: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="Strength of brightness changes. Colour changes are mild by default: dyes, the red "
        "reflex and "
        "blood are recognised by their colour.",
    )
    contrast: float = Field(0.2, ge=0, lt=1, description="Strength of contrast changes.")
    saturation: float = Field(0.2, ge=0, description="Strength of saturation changes.")
    cast: float = Field(0.15, ge=0, description="Strength of colour casts.")
    channel_mix: float = Field(
        0.15,
        ge=0,
        description="Standard deviation of the shares that colour channels borrow from each other: "
        "cameras, lamps "
        "and irises differ, and few videos show few of them.",
    )
    sentence_crop_p: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Probability that a narration is cut to some of its sentences, which stay as they are.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        _require(self.zoom_min <= self.zoom_max, "zoom_min <= zoom_max must hold")
        return self


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
    parent_child_weight: float = Field(
        0.5, ge=0, description="Weight of titles against the mean narration of their videos."
    )
    order_weight: float = Field(
        0.0, ge=0, description="Weight of narrations in their order against the same in reverse."
    )
    retrieval_weight: float = Field(
        0.25, ge=0, description="Weight of retrieval from silent videos (section bank)."
    )
    phase_weight: float = Field(
        0.0, ge=0, description="Weight of the middle level: runs of narrations of one phase."
    )
    carry_weight: float = Field(
        0.0,
        ge=0,
        description="Weight of narrations carried over to silent windows (section carry).",
    )


class BankConfig(Settings):
    """Retrieval from silent videos (loss.retrieval_weight)."""

    enabled: bool = Field(False, description="Whether silent videos are retrieved at all.")
    neighbours: Annotated[int, Unit("videos")] = Field(
        2, ge=1, description="Silent videos retrieved for each narrated one."
    )
    choice: Literal["nearest", "random"] = Field(
        "nearest", description='Which are retrieved: the nearest, or any ("random", a control).'
    )
    form: Literal["pooled", "multi_positive", "fused", "joined"] = Field(
        "pooled",
        description='What neighbours are for: "pooled" to one further positive across modalities, each '
        "a positive "
        'of its own ("multi_positive"), "fused" into the video\'s embedding, or "joined" to the batch '
        "with their "
        "own titles.",
    )
    learns: bool = Field(
        False,
        description="Neighbours are encoded in the step and trained with it, instead of being read from "
        "the bank.",
    )
    fuse_weight: float = Field(
        0.5, ge=0, description="Share of the neighbours in a fused embedding."
    )
    key: Key = Field(
        "joint",
        description="What queries and keys are made of: the visual embedding, the title's, or their sum.",
    )
    pool_temperature: float = Field(
        0.1, gt=0, description="Temperature of the softmax that pools the neighbours."
    )
    refresh: Annotated[int, Unit("videos")] = Field(
        4,
        ge=1,
        description="Silent videos encoded again after each video step, oldest entries first.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        _require(
            self.learns or self.form != "joined",
            'form "joined" needs learns = true: its neighbours are items of the batch',
        )
        return self


class CarryConfig(Settings):
    """Narrations carried over to windows of silent videos (loss.carry_weight)."""

    windows: Annotated[int, Items] = Field(
        16, ge=2, description="Windows of silent videos in each clip step, over all processes."
    )
    window_s: Annotated[float, Unit("s")] = Field(5.0, gt=0, description="Length of a window.")
    neighbours: Annotated[int, Unit("narrations")] = Field(
        4, ge=1, description="Narrations that a window is given."
    )
    key: Key = Field(
        "joint",
        description="Whether a window's frames are compared with the frames of narrated clips (visual), "
        "with the "
        "narrations (text), or with both.",
    )
    temperature: float = Field(0.1, gt=0, description="Temperature of the softmax over narrations.")


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
        _require(
            self.epochs > 0 or self.max_steps > 0, "set epochs or max_steps: a run needs an end"
        )
        return self


@dataclass(frozen=True, kw_only=True)
class Config:
    """All settings of a run. Each field is a section of the TOML form."""

    model: ModelConfig
    data: DataConfig
    augment: AugmentConfig
    loss: LossConfig
    bank: BankConfig
    carry: CarryConfig
    optim: OptimConfig
    train: TrainConfig

    def __post_init__(self) -> None:
        if self.model.text_learns and self.loss.same_text_cosine < 1:
            raise ConfigError(
                "loss.same_text_cosine below 1 needs the features of a frozen text encoder; set it to 1, or "
                "model.text_trainable_layers to 0 and model.lora_on to image"
            )
        if bool(self.model.context_layers) != bool(self.data.context):
            raise ConfigError(
                "model.context_layers and data.context belong together: the encoder of the context, and "
                "how many "
                "frames it sees; set both or neither"
            )

    @property
    def sections(self) -> Mapping[str, Settings]:
        """Return the sections by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


SECTIONS: Mapping[str, type[Settings]] = get_type_hints(Config)


def resolve(layers: Iterable[Layer]) -> Config:
    """Return the defaults with the values of `layers`, of which later ones win.

    Raises:
        ConfigError: a name or value does not fit; the message says in which layer.
    """
    return Config(**resolve_layers(SECTIONS, layers).settings)  # type: ignore[arg-type]


def change(base: Config, *, files: Iterable[Path] = (), overrides: Sequence[str] = ()) -> Config:
    """Return `base` with the values of TOML `files` (later ones win), then of `section.key=value` strings.

    Raises:
        ConfigError: a file cannot be read, or a name or value does not fit; the message says where.
    """
    values = {
        name: section.model_dump(exclude_defaults=True) for name, section in base.sections.items()
    }
    layers = [Layer(origin="before", values=values)]
    return resolve([*layers, *map(read_layer, files), *map(parse_override, overrides)])


def resolve_with_origins(layers: Sequence[Layer]) -> Resolved:
    """Return the sections with the values of `layers` and the origin of each.

    Raises:
        ConfigError: as `resolve`.
    """
    resolved = resolve_layers(SECTIONS, layers)
    Config(**resolved.settings)  # type: ignore[arg-type]  # Checks the rules between sections.
    return resolved


def to_toml(config: Config) -> str:
    """Return the whole config as a TOML document that `change` reads back to the same config."""
    return mechanism.to_toml(config.sections)


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)
