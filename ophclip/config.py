"""What can be set for a training run: one frozen dataclass a section, all of them in `Config`.

No field has a default here: `ophclip.presets` gives complete configs, TOML files and
`section.key=value` strings change single values of one. Standard library only, so that the command
line may import it. Unknown sections and keys are refused with the nearest known one.
"""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ophclip.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    # "scratch" (a small network of `image_widths` and `image_depths` with GroupNorm, randomly
    # initialised), an id on the model hub, or a local folder.
    image_encoder: str
    image_widths: tuple[int, ...]
    image_depths: tuple[int, ...]
    # Frames enter the encoder as squares of this side, in pixels.
    image_size: int
    # How many of the image encoder's last layers (stages) learn: 0 freezes it whole, -1 frees it whole.
    image_trainable_layers: int
    # "minilm" (the packaged sentence encoder), an id on the model hub, or a local folder.
    text_encoder: str
    # How many of the text encoder's last layers learn: 0 freezes it whole, -1 frees it whole.
    text_trainable_layers: int
    # Rank of the adapters (LoRA) that learn beside the attention of frozen encoders, and of which; they
    # are scaled by lora_alpha / lora_rank. 0: none.
    lora_rank: int
    lora_alpha: int
    lora_on: Literal["text", "image", "both"]
    # The frames of a clip or video become one feature by their mean, to which "transformer" adds what
    # `temporal_layers` layers make of their order.
    frame_pooling: Literal["mean", "transformer"]
    temporal_layers: int
    # Layers of the encoder that lets a clip see the pictures around it (data.context); 0: none.
    context_layers: int
    # Longest text in tokens; what is beyond is cut off.
    max_tokens: int
    embedding_dim: int
    # Clip and video level have projections of their own.
    separate_heads: bool
    # BatchNorm layers keep the statistics they came with.
    freeze_batchnorm: bool
    initial_temperature: float
    # The logit scale (1 / temperature) is clamped to at most this.
    max_logit_scale: float

    def __post_init__(self) -> None:
        _require(
            len(self.image_widths) == len(self.image_depths) == 4,
            "image_widths and image_depths need 4 values each",
        )
        _require(
            all(width >= 32 and width % 32 == 0 for width in self.image_widths),
            "image_widths must be multiples of 32: each block normalises a quarter of it in 8 groups",
        )
        _require(min(self.image_depths) >= 1, "image_depths must be positive")
        _require(self.image_size >= 64, "image_size must be at least 64")
        _require(
            min(self.image_trainable_layers, self.text_trainable_layers) >= -1,
            "image_trainable_layers and text_trainable_layers must be -1 or more",
        )
        _require(
            self.image_encoder != "scratch" or self.image_trainable_layers == -1,
            'image_encoder "scratch" starts at random and must learn whole, without adapters: '
            "image_trainable_layers -1",
        )
        _require(
            min(self.lora_rank, self.temporal_layers, self.context_layers) >= 0
            and self.lora_alpha >= 1,
            "lora_rank, temporal_layers and context_layers must not be negative, lora_alpha positive",
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
        _require(self.max_tokens >= 8, "max_tokens must be at least 8")
        _require(self.embedding_dim >= 1, "embedding_dim must be positive")
        _require(self.initial_temperature > 0, "initial_temperature must be positive")
        _require(
            self.max_logit_scale >= 1 / self.initial_temperature,
            "max_logit_scale must be at least 1 / initial_temperature",
        )

    @property
    def text_adapters(self) -> bool:
        return self.lora_rank > 0 and self.lora_on in ("text", "both")

    @property
    def image_adapters(self) -> bool:
        return self.lora_rank > 0 and self.lora_on in ("image", "both")

    @property
    def text_learns(self) -> bool:
        """Whether any weight of the text encoder does."""
        return self.text_trainable_layers != 0 or self.text_adapters

    @property
    def image_learns(self) -> bool:
        """Whether any weight of the image encoder does."""
        return self.image_trainable_layers != 0 or self.image_adapters


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    # Narration-clip pairs, and narrated videos, in one batch, over all processes together.
    clip_batch: int
    video_batch: int
    # Items that each process encodes at a time; 0 encodes its part of a batch at once. The gradient is
    # that of the whole batch either way: fewer need less memory and one more forward pass.
    chunk: int
    # Frames drawn from each clip and each video in every step.
    clip_frames: int
    video_frames: int
    # Narrations drawn from each video for the parent-child and order terms, and from each run below.
    video_narrations: int
    # Runs of narrations of one phase in each clip step (loss.phase_weight), over all processes
    # together, and frames drawn from each.
    phase_batch: int
    phase_frames: int
    # Pictures before and after each clip that the context encoder sees (model.context_layers), on
    # either side, and the seconds between them.
    context: int
    context_stride_s: float
    # "crop" takes the middle square of each picture; "squash" keeps all of it, resized to a square.
    fit: Literal["crop", "squash"]
    # Pictures are kept this much larger than image_size, so that shifts and zooms have some margin.
    margin: float
    # Decoded pictures stay in memory if all of them fit into this; else they are decoded each time.
    cache_mb: int
    # Loader processes; 0 decodes in process. Not used when the pictures stay in memory.
    workers: int
    # Rows are shuffled within this many row groups at a time, so that reads stay local.
    shuffle_groups: int

    def __post_init__(self) -> None:
        _require(
            min(self.clip_batch, self.video_batch, self.phase_batch) >= 2,
            "clip_batch, video_batch and phase_batch must be at least 2: a contrast needs two",
        )
        _require(
            min(self.clip_frames, self.video_frames, self.phase_frames) >= 1,
            "clip_frames, video_frames and phase_frames must be positive",
        )
        _require(
            min(self.video_narrations, self.shuffle_groups) >= 1,
            "video_narrations and shuffle_groups must be positive",
        )
        _require(
            self.chunk >= 0 and self.context >= 0 and self.context_stride_s > 0,
            "chunk and context must not be negative, context_stride_s must be positive",
        )
        _require(self.margin >= 1, "margin must be at least 1")
        _require(
            self.cache_mb >= 0 and self.workers >= 0, "cache_mb and workers must not be negative"
        )


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    # Turn by up to this angle either way: the surgeon sits at the head or at the temple.
    rotation_deg: float
    # Zoom range: 0.8 shows 80 % of the picture's side, larger.
    zoom_min: float
    zoom_max: float
    # Stretch one axis against the other by up to this share.
    stretch: float
    # Shift by up to this share of the side.
    shift: float
    # Mirror with this probability. Off by default: a mirror turns a right eye into a left one.
    mirror_p: float
    # Strength of brightness, contrast, saturation and colour cast changes. Mild by default: dyes,
    # the red reflex and blood are told by their colour.
    brightness: float
    contrast: float
    saturation: float
    cast: float
    # Standard deviation of the shares that colour channels borrow from each other: cameras, lamps
    # and irises differ, and few videos show few of them.
    channel_mix: float
    # With this probability a narration is cut to some of its sentences. Within them nothing changes.
    sentence_crop_p: float

    def __post_init__(self) -> None:
        _require(0 < self.zoom_min <= self.zoom_max, "0 < zoom_min <= zoom_max must hold")
        _require(
            0 <= self.mirror_p <= 1 and 0 <= self.sentence_crop_p <= 1,
            "mirror_p and sentence_crop_p must lie in [0, 1]",
        )
        amounts = (
            self.rotation_deg,
            self.stretch,
            self.shift,
            self.brightness,
            self.contrast,
            self.saturation,
            self.cast,
            self.channel_mix,
        )
        _require(min(amounts) >= 0, "augmentation strengths must not be negative")
        _require(
            max(self.stretch, self.contrast, self.brightness) < 1,
            "stretch, contrast and brightness must be below 1",
        )


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    # Weight each pair by the confidence of its text.
    use_confidence: bool
    # Texts whose frozen features, with the centre of all training texts taken off, are at least this
    # similar (cosine) count as the same text: neither positive nor negative of each other. 1 masks
    # equal texts only, and is the only choice for a text encoder that learns.
    same_text_cosine: float
    # Silent videos with a title join the video level as pairs of their own.
    silent_titles: bool
    # Weights of the video level's terms, beside video-title at 1.
    parent_child_weight: float
    order_weight: float
    retrieval_weight: float
    # Weights of the clip level's further terms: runs of narrations of one phase (the middle level), and
    # silent windows with narrations carried over to them.
    phase_weight: float
    carry_weight: float

    def __post_init__(self) -> None:
        _require(0 < self.same_text_cosine <= 1, "same_text_cosine must lie in (0, 1]")
        _require(
            min(
                self.parent_child_weight,
                self.order_weight,
                self.retrieval_weight,
                self.phase_weight,
                self.carry_weight,
            )
            >= 0,
            "loss weights must not be negative",
        )


@dataclass(frozen=True, kw_only=True)
class BankConfig:
    enabled: bool
    # Neighbours retrieved for each narrated video: the nearest, or any (a control).
    neighbours: int
    choice: Literal["nearest", "random"]
    # What neighbours are for: "pooled" to one extra positive across modalities, each an extra positive
    # of its own ("multi_positive"), "fused" into the video's embedding, or "joined" to the batch with
    # their own titles.
    form: Literal["pooled", "multi_positive", "fused", "joined"]
    # Neighbours are encoded anew in the step and learn with it, instead of being read from the bank.
    learns: bool
    # Share of the neighbours in a fused embedding.
    fuse_weight: float
    # What queries and keys are made of: the visual embedding, the title's, or their sum.
    key: Literal["joint", "visual", "text"]
    # Temperature of the softmax that pools the neighbours.
    pool_temperature: float
    # Silent videos encoded anew after each video step, oldest entries first.
    refresh: int

    def __post_init__(self) -> None:
        _require(
            self.neighbours >= 1 and self.refresh >= 1, "neighbours and refresh must be positive"
        )
        _require(
            self.pool_temperature > 0 and self.fuse_weight >= 0,
            "pool_temperature must be positive, fuse_weight not negative",
        )
        _require(
            self.learns or self.form != "joined",
            'form "joined" needs learns = true: see its comment',
        )


@dataclass(frozen=True, kw_only=True)
class CarryConfig:
    # Windows of silent videos that get narrations in each clip step, and their length.
    windows: int
    window_s: float
    # Narrations that a window is given, by the likeness of its pictures to those of narrated clips
    # ("visual"), to the narrations themselves ("text"), or to both.
    neighbours: int
    key: Literal["joint", "visual", "text"]
    # Temperature of the softmax over them.
    temperature: float

    def __post_init__(self) -> None:
        _require(self.windows >= 2 and self.neighbours >= 1, "carry needs windows and neighbours")
        _require(
            self.window_s > 0 and self.temperature > 0, "window_s and temperature must be positive"
        )


@dataclass(frozen=True, kw_only=True)
class OptimConfig:
    lr: float
    # Learning rate of the encoders' weights as a share of `lr`, which holds for the projections.
    encoder_lr_share: float
    weight_decay: float
    beta1: float
    beta2: float
    warmup_steps: int
    # Learning rate of the very last step as a share of the highest.
    final_lr_share: float
    # Gradients longer than this are shortened to it; 0 switches that off.
    clip_norm: float

    def __post_init__(self) -> None:
        _require(
            self.lr > 0 and self.encoder_lr_share >= 0,
            "lr must be positive, encoder_lr_share not negative",
        )
        _require(0 <= self.final_lr_share <= 1, "final_lr_share must lie in [0, 1]")
        _require(0 <= self.beta1 < 1 and 0 <= self.beta2 < 1, "beta1 and beta2 must lie in [0, 1)")
        _require(
            min(self.weight_decay, self.warmup_steps, self.clip_norm) >= 0,
            "weight_decay, warmup_steps and clip_norm must not be negative",
        )


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    seed: int
    # "auto" takes a CUDA GPU if there is one.
    device: str
    # "fp32", "bf16" (autocast) or "fp16" (autocast with a loss scale) in the encoders; losses are fp32.
    precision: Literal["fp32", "bf16", "fp16"]
    # CPU threads; 0 measures whether all cores or one is faster just now. The run's config keeps
    # the number, because sums come out the same only with the same one.
    threads: int
    # The run ends after this many passes over the clips, or this many steps, whichever comes first.
    # 0 sets no limit; one of the two must be set.
    epochs: int
    max_steps: int
    # Steps alternate: this many at clip level, then this many at video level.
    clip_steps: int
    video_steps: int
    # Decay of the moving average of the weights, which is then what checkpoints evaluate; 0 keeps none.
    ema_decay: float
    # The run stops as diverged when a level's mean loss over 50 of its steps is above this many times
    # the loss of guessing, log(batch); 0 never stops it.
    stop_above: float
    log_every: int
    # Project of Weights & Biases that gets the figures as well; "" for none.
    wandb: str
    # Steps between checkpoints, beside the one at the end.
    checkpoint_every: int
    keep_checkpoints: int

    def __post_init__(self) -> None:
        _require(
            min(self.epochs, self.max_steps, self.threads, self.video_steps) >= 0,
            "epochs, max_steps, threads and video_steps must not be negative",
        )
        _require(
            0 <= self.ema_decay < 1 and self.stop_above >= 0,
            "ema_decay must lie in [0, 1), stop_above must not be negative",
        )
        _require(
            self.epochs > 0 or self.max_steps > 0, "set epochs or max_steps: a run needs an end"
        )
        _require(
            min(self.clip_steps, self.log_every, self.checkpoint_every, self.keep_checkpoints) >= 1,
            "clip_steps, log_every, checkpoint_every and keep_checkpoints must be positive",
        )


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that a run needs. Each field is a section of the TOML form."""

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
                "loss.same_text_cosine below 1 needs the frozen features of a text encoder that does "
                "not learn; set it to 1, or model.text_trainable_layers to 0 and model.lora_on to image"
            )
        if bool(self.model.context_layers) != bool(self.data.context):
            raise ConfigError(
                "model.context_layers and data.context belong together: the encoder of surroundings, and "
                "how many pictures it sees; set both or neither"
            )


def change(base: Config, *, files: Iterable[Path] = (), overrides: Sequence[str] = ()) -> Config:
    """`base` with the values of TOML `files` (later ones win), then of `section.key=value` strings.

    Raises:
        ConfigError: a file cannot be read, or a name or value does not fit; the message says where.
    """
    changes: dict[str, dict[str, object]] = {}
    for path in files:
        for section, keys in _read_toml(path).items():
            for key, value in keys.items():
                _put(changes, section, key, value, origin=str(path))
    for text in overrides:
        section, key, value = _split_override(text)
        _put(changes, section, key, value, origin=f"--set {text}")
    sections = {}
    for section, values in changes.items():
        try:
            sections[section] = dataclasses.replace(getattr(base, section), **values)
        except ValueError as err:
            raise ConfigError(f"section [{section}]: {err}") from err
    return dataclasses.replace(base, **sections)


def to_toml(config: Config) -> str:
    """The whole config as a TOML document that `change` reads back to the same config."""
    import tomli_w

    return tomli_w.dumps(dataclasses.asdict(config))


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)


def _read_toml(path: Path) -> Mapping[str, Mapping[str, object]]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as err:
        raise ConfigError(f"cannot read the config file {path}: {err.strerror}") from err
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise ConfigError(f"{path} is not valid TOML: {err}. Mend the file and run again.") from err
    for name, keys in document.items():
        if not isinstance(keys, dict):
            raise ConfigError(
                f"{path}: '{name}' stands outside a section; write it under one, e.g. [train]"
            )
    return document


def _split_override(text: str) -> tuple[str, str, object]:
    name, equals, raw = text.partition("=")
    section, dot, key = name.strip().partition(".")
    if not (equals and dot and section and key):
        raise ConfigError(f"--set {text}: write it as section.key=value, e.g. --set optim.lr=0.001")
    try:
        value: object = tomllib.loads(f"v = {raw}")["v"]
    except tomllib.TOMLDecodeError:
        value = raw.strip()  # An unquoted string.
    return section, key, value


def _put(
    changes: dict[str, dict[str, object]], section: str, key: str, value: object, *, origin: str
) -> None:
    sections = typing.get_type_hints(Config)
    if section not in sections:
        raise ConfigError(f"{origin}: unknown section '{section}'{_nearest(section, sections)}")
    fields = typing.get_type_hints(sections[section])
    if key not in fields:
        raise ConfigError(f"{origin}: unknown key '{section}.{key}'{_nearest(key, fields)}")
    fitted = _fit(value, fields[key], where=f"{origin}: {section}.{key}")
    changes.setdefault(section, {})[key] = fitted


def _nearest(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else f"; known are: {', '.join(names)}"


def _fit(value: object, expected: typing.Any, *, where: str) -> object:
    """`value` as a field of type `expected` holds it: bool, int, float, str, Literal or tuple[int, ...]."""
    if typing.get_origin(expected) is Literal:
        choices = typing.get_args(expected)
        if value not in choices:
            raise ConfigError(f"{where}: {value!r} is not one of {', '.join(choices)}")
        return value
    if typing.get_origin(expected) is tuple:
        if not isinstance(value, list) or not all(type(item) is int for item in value):
            raise ConfigError(f"{where}: expected a list of integers, got {value!r}")
        return tuple(value)
    if expected is float and type(value) is int:
        return float(value)
    if type(value) is not expected:
        raise ConfigError(f"{where}: expected {expected.__name__}, got {value!r}")
    return value
