"""Embeddings that several terms need: of clips in their context, and of the narrations of an item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ophclip.data.batches import ContextTimes, generator, sample_frame_indices
from ophclip.model.dual_encoder import OphCLIP
from ophclip.training.config import Config
from schemas.vocab import Level


@dataclass(frozen=True, kw_only=True)
class Narrations:
    """Up to M narrations of each of b items, in time order."""

    embeddings: torch.Tensor
    """[b, M, D]; zeros where an item has fewer."""
    mask: torch.Tensor
    """bool [b, M], True where there is a narration."""

    def mean(self) -> torch.Tensor:
        """Return the direction of the mean narration of each item, [b, D]; zeros where it has none."""
        return F.normalize((self.embeddings * self.mask[:, :, None]).sum(1), dim=-1)


def embed_clips(model: OphCLIP, features: torch.Tensor, context: ContextTimes) -> torch.Tensor:
    """Embed clips, [b, D], from the features of their pictures and of the N around each, [b, F + N, W]."""
    own = features.shape[1] - context.offsets_s.shape[1]
    return model.embed_clips(features[:, :own], features[:, own:], context.offsets_s, context.mask)


def embed_narrations(
    model: OphCLIP,
    narrations: Sequence[tuple[str, Sequence[str]]],
    level: Level,
    *,
    config: Config,
    step: int,
) -> Narrations:
    """Embed a random `data.video_narrations` of each item's narrations, in the space of `level`.

    Args:
        narrations: of each item, a name for its random draw, and all of its narrations.
    """
    most = config.data.video_narrations
    chosen = []
    for key, texts in narrations:
        # A generator for each item, so that a draw does not depend on how the batch is shared.
        random = generator(config.train.seed, "narrations", step, key)
        chosen.append(
            [texts[i] for i in sample_frame_indices(len(texts), min(most, len(texts)), random)]
        )
    flat = [text for texts in chosen for text in texts]
    embedded = model.embed_texts(flat or [""], level)
    padded = embedded.new_zeros(len(chosen), most, embedded.shape[1])
    mask = torch.zeros(len(chosen), most, dtype=torch.bool, device=embedded.device)
    for item, texts in enumerate(chosen):
        mask[item, : len(texts)] = True
    padded = padded.masked_scatter(mask[:, :, None], embedded)
    return Narrations(embeddings=padded, mask=mask)
