"""Settings of model, frames and texts: what is needed below training, also to read a checkpoint.

The mechanism is `ophvl.config`. Defaults stand in the classes; `ophclip.presets` names what other configs
change. Sections and keys are those of checkpoints' `config.toml`. The sections of training alone stand in
`ophclip.training.config`, the settings of a loss term in its file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import Field, model_validator

from ophclip.errors import ConfigError
from ophvl import config as mechanism
from ophvl.config import (
    Layer,
    Sections,
    Settings,
    Unit,
    parse_override,
    read_layer,
    resolve_layers,
)

AnySettings = TypeVar("AnySettings", bound=Settings)
AnyConfig = TypeVar("AnyConfig", bound="EncoderConfig")

Frames = Unit("frames")
Items = Unit("items")
Layers = Unit("layers")


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


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """The part of a run's settings that whoever encodes needs: sections `model` and `data`.

    The settings of a whole run are a `Config` of `ophclip.training.config`.
    """

    sections: Mapping[str, Settings]
    """By name, in the order of the TOML form."""

    def __post_init__(self) -> None:
        if bool(self.model.context_layers) != bool(self.data.context):
            raise ConfigError(
                "model.context_layers and data.context belong together: the encoder of the context, and "
                "how many "
                "frames it sees; set both or neither"
            )

    def get(self, kind: type[AnySettings]) -> AnySettings:
        """Return the section that has the settings of `kind`.

        Raises:
            LookupError: there is none.
        """
        for section in self.sections.values():
            if isinstance(section, kind):
                return section
        raise LookupError(f"no section of this config has the settings of {kind.__name__}")

    @property
    def model(self) -> ModelConfig:
        """Return section `model`."""
        return self.get(ModelConfig)

    @property
    def data(self) -> DataConfig:
        """Return section `data`."""
        return self.get(DataConfig)


ENCODER_SECTIONS: Sections = {"model": ModelConfig, "data": DataConfig}


def change(
    base: AnyConfig, *, files: Iterable[Path] = (), overrides: Sequence[str] = ()
) -> AnyConfig:
    """Return `base` with the values of TOML `files` (later ones win), then of `section.key=value` strings.

    Raises:
        ConfigError: a file cannot be read, or a name or value does not fit; the message says where.
    """
    values = {
        name: section.model_dump(exclude_defaults=True) for name, section in base.sections.items()
    }
    layers = [Layer(origin="before", values=values), *map(read_layer, files)]
    kinds = {name: type(section) for name, section in base.sections.items()}
    resolved = resolve_layers(kinds, [*layers, *map(parse_override, overrides)])
    return replace(base, sections=resolved.settings)


def to_toml(config: EncoderConfig) -> str:
    """Return all sections as a TOML document that `change` reads back to the same config."""
    return mechanism.to_toml(config.sections)


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)
