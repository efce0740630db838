"""A trained model as others use it. In: a checkpoint. Out: the model, and what goes with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps

from ophclip.config import Config
from ophclip.data.jpeg import Fit
from ophclip.device import pick_device
from ophclip.errors import DataError
from ophclip.model import weights
from ophclip.model.dual_encoder import OphCLIP

Picture = Image.Image | np.ndarray[Any, Any] | torch.Tensor
"""A Pillow image, or uint8 [H, W, 3] in RGB order."""


@dataclass(frozen=True, kw_only=True)
class Pretrained:
    """A model in evaluation mode, and the checkpoint that it comes from."""

    model: OphCLIP
    config: Config
    state: weights.State
    folder: Path
    sha256: str
    """Hash of the checkpoint's SHA256SUMS, which names it."""

    @property
    def device(self) -> torch.device:
        return self.model.image_centre.device


@dataclass(frozen=True, kw_only=True)
class Preprocess:
    """Pictures as training saw them: squares of `side` pixels, values in [0, 1]."""

    side: int
    fit: Fit

    def __call__(self, pictures: Picture | Sequence[Picture]) -> torch.Tensor:
        """One picture, or the F pictures of a clip in time order, to float [F, 3, side, side].

        Raises:
            DataError: there is no picture, or one is neither a Pillow image nor uint8 [H, W, 3].
        """
        if isinstance(pictures, (Image.Image, np.ndarray, torch.Tensor)):
            pictures = [pictures]
        clip = list(pictures)
        if not clip:
            raise DataError("a clip without pictures; give at least one")
        return torch.stack([self._one(picture, place) for place, picture in enumerate(clip)])

    def _one(self, picture: Picture, place: int) -> torch.Tensor:
        image = _as_image(picture, place).convert("RGB")
        resize = ImageOps.fit if self.fit == "crop" else Image.Image.resize
        square = resize(image, (self.side, self.side), Image.Resampling.BILINEAR)
        return torch.from_numpy(np.array(square)).permute(2, 0, 1).contiguous().float() / 255


@dataclass(frozen=True, kw_only=True)
class Tokenizer:
    """Texts as the text encoder takes them: `model.text_encoder.network(**tokenizer(texts))`."""

    inner: Any
    max_tokens: int

    def __call__(self, texts: str | Sequence[str]) -> Any:
        """The encoding of B texts: `input_ids`, `attention_mask`, ..., each int64 [B, T].

        T is the length of the longest text, at most `max_tokens`; shorter ones are padded.
        """
        return self.inner(
            [texts] if isinstance(texts, str) else list(texts),
            padding=True,
            truncation=True,
            max_length=self.max_tokens,
            return_tensors="pt",
        )


def read(place: Path, *, device: str = "auto") -> Pretrained:
    """The checkpoint meant by a checkpoint folder, a run, or a folder of runs, checked and loaded.

    Raises:
        CheckpointError: there is none, or it is damaged or does not fit.
        ConfigError: there is no such device, or an encoder's weights are out of reach.
    """
    chosen = pick_device(device)
    folder = weights.find(place)
    sha256 = weights.verify(folder)
    state, config = weights.read(folder)
    model = OphCLIP(config.model)
    weights.load_weights(folder, model, state)
    return Pretrained(
        model=model.to(chosen).eval(), config=config, state=state, folder=folder, sha256=sha256
    )


def load(place: Path, *, device: str = "auto") -> tuple[OphCLIP, Preprocess, Tokenizer]:
    """See `ophclip.load`."""
    found = read(place, device=device)
    preprocess = Preprocess(side=found.config.model.image_size, fit=found.config.data.fit)
    text_encoder = found.model.text_encoder
    tokenizer = Tokenizer(inner=text_encoder.tokenizer, max_tokens=text_encoder.max_tokens)
    return found.model, preprocess, tokenizer


def _as_image(picture: Picture, place: int) -> Image.Image:
    if isinstance(picture, Image.Image):
        return picture
    pixels = picture.numpy(force=True) if isinstance(picture, torch.Tensor) else picture
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
            f"picture {place} is {kind}; give a Pillow image, or uint8 [height, width, 3] in RGB order"
        )
    return Image.fromarray(pixels)
