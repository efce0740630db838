"""Hierarchical, retrieval-augmented video-language pretraining for eye surgery.

    model, preprocess, tokenizer = ophclip.load("runs")

Importing this loads no heavy package.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ophclip.inference.pretrained import Preprocess, Tokenizer
    from ophclip.model.dual_encoder import OphCLIP

__version__ = "0.1.0"

__all__ = ["__version__", "load"]


def load(path: str | Path, *, device: str = "auto") -> tuple[OphCLIP, Preprocess, Tokenizer]:
    """A trained model, ready to use: in evaluation mode, on `device` ("auto" takes a GPU if any).

        model, preprocess, tokenizer = ophclip.load("runs", device="cpu")
        with torch.no_grad():
            clip = preprocess([first, second, third])  # [3, 3, s, s], on the CPU.
            images = model.embed_frames(clip[None], Level.CLIP)
            texts = model.embed_texts(["posterior capsule rupture"], Level.CLIP)
            similarity = images @ texts.T

    `embed_texts` takes the texts themselves; `tokenizer` gives the tokens that it makes of them.

    Args:
        path: a checkpoint folder, a run, or a folder of runs (the newest of them).

    Raises:
        CheckpointError: there is no checkpoint, or it is damaged or does not fit.
        ConfigError: there is no such device.
    """
    from ophclip.inference import pretrained

    return pretrained.load(Path(path), device=device)
