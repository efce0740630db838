"""Hierarchical, retrieval-augmented video-language pretraining for eye surgery.

    model, preprocess, tokenizer = ophclip.load("runs")

Importing this loads no heavy package.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ophclip.version import __version__

if TYPE_CHECKING:
    from ophclip.inference.pretrained import Preprocess, Tokenizer
    from ophclip.model.dual_encoder import OphCLIP

__all__ = ["__version__", "load"]


def load(path: str | Path, *, device: str = "auto") -> tuple[OphCLIP, Preprocess, Tokenizer]:
    """Load a trained model in evaluation mode, with its preprocessing and tokenizer.

        model, preprocess, tokenizer = ophclip.load("runs", device="cpu")
        with torch.no_grad():
            clip = preprocess([first, second, third])  # [3, 3, s, s], on the CPU.
            images = model.embed_frames(clip[None], Level.CLIP)
            texts = model.embed_texts(["posterior capsule rupture"], Level.CLIP)
            similarity = images @ texts.T

    `embed_texts` takes the texts themselves; `tokenizer` shows the tokens that it computes from them.

    Args:
        path: a checkpoint folder, a run, or a folder of runs (the newest of them).
        device: "cpu", "cuda", or "auto" for a GPU if there is one.

    Raises:
        CheckpointError: there is no checkpoint, or it is damaged or does not fit.
        ConfigError: there is no such device.
    """
    from ophclip.inference import pretrained

    return pretrained.load(Path(path), device=device)
