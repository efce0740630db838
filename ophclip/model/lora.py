"""Low-rank adapters (LoRA) on the attention of a frozen encoder, with the library peft."""

from __future__ import annotations

import copy
import re

from torch import nn

from ophclip.errors import ConfigError

_ATTENTION = re.compile("attention|attn", re.IGNORECASE)


def add_adapters(network: nn.Module, layers: nn.ModuleList, *, rank: int, alpha: int) -> None:
    """Add an adapter to every attention projection of `layers`, and freeze the rest of `network`.

    An adapter adds alpha / rank times B A x; B starts at zero.

    Raises:
        ConfigError: there is no attention in `layers`.
    """
    from peft import LoraConfig, inject_adapter_in_model

    within = {id(module) for module in layers.modules()}
    names = [
        name
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear) and id(module) in within and _ATTENTION.search(name)
    ]
    if not names:
        raise ConfigError(
            f"{type(network).__name__} has no attention to put adapters on; set model.lora_on to the "
            "other encoder or model.lora_rank to 0"
        )
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=names, lora_dropout=0.0)
    # In place and without peft's wrapper: the network keeps its type, its config and its names.
    inject_adapter_in_model(config, network)


def without_adapters(network: nn.Module) -> nn.Module:
    """Return a copy with the adapters merged into the weights: it has the same outputs."""
    from peft.tuners.lora import LoraLayer

    plain = copy.deepcopy(network)
    for name, module in list(plain.named_modules()):
        if isinstance(module, LoraLayer):
            module.merge()
            plain.set_submodule(name, module.get_base_layer())
    return plain
