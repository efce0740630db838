"""Load a trained model. In: a checkpoint. Out: the model, its preprocessing and its tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps

from ophclip.config import EncoderConfig
from ophclip.data.jpeg import Fit
from ophclip.device import pick_device
from ophclip.errors import DataError
from ophclip.model import weights
from ophclip.model.dual_encoder import OphCLIP

ImageInput = Image.Image | np.ndarray[Any, Any] | torch.Tensor
"""A Pillow image, or uint8 [H, W, 3] in RGB order."""


@dataclass(frozen=True, kw_only=True)
class Pretrained:
    """A model in evaluation mode, and its checkpoint."""

    model: OphCLIP
    config: EncoderConfig
    state: weights.CheckpointState
    folder: Path
    sha256: str
    """Hash of the checkpoint's SHA256SUMS, which identifies it."""

    @property
    def device(self) -> torch.device:
        """The device of the model."""
        return self.model.image_centre.device


@dataclass(frozen=True, kw_only=True)
class Preprocess:
    """Resizes images as training did: squares of `side` pixels, values in [0, 1]."""

    side: int
    fit: Fit

    def __call__(self, images: ImageInput | Sequence[ImageInput]) -> torch.Tensor:
        """Convert one image, or the F images of a clip in time order.

        Returns:
            Float [F, 3, side, side] in [0, 1].

        Raises:
            DataError: there is no image, or one is neither a Pillow image nor uint8 [H, W, 3].
        """
        if isinstance(images, (Image.Image, np.ndarray, torch.Tensor)):
            images = [images]
        clip = list(images)
        if not clip:
            raise DataError("a clip without images; give at least one")
        return torch.stack([self._convert(image, index) for index, image in enumerate(clip)])

    def _convert(self, image: ImageInput, index: int) -> torch.Tensor:
        resize = ImageOps.fit if self.fit == "crop" else Image.Image.resize
        square = resize(
            _as_pillow(image, index).convert("RGB"),
            (self.side, self.side),
            Image.Resampling.BILINEAR,
        )
        return torch.from_numpy(np.array(square)).permute(2, 0, 1).contiguous().float() / 255


@dataclass(frozen=True, kw_only=True)
class Tokenizer:
    """Tokenizes texts for the text encoder: `model.text_encoder.network(**tokenizer(texts))`."""

    inner: Any
    max_tokens: int

    def __call__(self, texts: str | Sequence[str]) -> Any:
        """Tokenize B texts: `input_ids`, `attention_mask`, ..., each int64 [B, T].

        T is the length of the longest text, at most `max_tokens`; shorter ones are padded.
        """
        return self.inner(
            [texts] if isinstance(texts, str) else list(texts),
            padding=True,
            truncation=True,
            max_length=self.max_tokens,
            return_tensors="pt",
        )


def read(path: Path, *, device: str = "auto") -> Pretrained:
    """Verify and load a checkpoint.

    Args:
        path: a checkpoint folder, a run, or a folder of runs (the newest of them).
        device: "auto", "cpu" or "cuda".

    Raises:
        CheckpointError: there is none, or it is damaged or does not fit.
        ConfigError: there is no such device, or an encoder's weights cannot be loaded.
    """
    chosen = pick_device(device)
    folder = weights.find(path)
    sha256 = weights.verify(folder)
    state, config = weights.read(folder)
    model = OphCLIP(config.model)
    weights.load_weights(folder, model, state)
    return Pretrained(
        model=model.to(chosen).eval(), config=config, state=state, folder=folder, sha256=sha256
    )


def load(path: Path, *, device: str = "auto") -> tuple[OphCLIP, Preprocess, Tokenizer]:
    """Load model, preprocessing and tokenizer; see `ophclip.load`."""
    source = read(path, device=device)
    preprocess = Preprocess(side=source.config.model.image_size, fit=source.config.data.fit)
    text_encoder = source.model.text_encoder
    tokenizer = Tokenizer(inner=text_encoder.tokenizer, max_tokens=text_encoder.max_tokens)
    return source.model, preprocess, tokenizer


def _as_pillow(image: ImageInput, index: int) -> Image.Image:
    """Return an image as a Pillow image; `index` names it in the error message."""
    if isinstance(image, Image.Image):
        return image
    pixels = image.numpy(force=True) if isinstance(image, torch.Tensor) else image
    if (
        not isinstance(pixels, np.ndarray)
        or pixels.dtype != np.uint8
        or pixels.ndim != 3
        or pixels.shape[2] != 3
        or not pixels.size
    ):
        kind = (
            f"{pixels.dtype} {list(pixels.shape)}"
            if isinstance(pixels, np.ndarray)
            else type(pixels).__name__
        )
        raise DataError(
            f"image {index} is {kind}; give a Pillow image, or uint8 [height, width, 3] in RGB order"
        )
    return Image.fromarray(pixels)
