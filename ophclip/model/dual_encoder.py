"""The dual encoder. In: frames and texts. Out: embeddings of unit length, in one space per level."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from ophclip.config import ModelConfig
from ophclip.model.encoders import ImageEncoder, TextEncoder, freeze_batchnorm
from ophclip.model.temporal import ContextEncoder, FramePooling, masked_mean
from schemas.vocab import Level


class OphCLIP(nn.Module):
    """An image encoder for frames, a text encoder, and linear projections for clip and video level.

    Shapes: B items, F frames, N context frames, s = `config.image_size` pixels,
    W = `image_encoder.width`, T = `text_encoder.width`, D = `config.embedding_dim`.
    """

    text_centre: torch.Tensor
    image_centre: torch.Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.image_encoder = ImageEncoder(config)
        self.text_encoder = TextEncoder(config)
        heads = [str(level) for level in Level] if config.separate_heads else ["shared"]
        self.image_heads = nn.ModuleDict(
            {
                h: nn.Linear(self.image_encoder.width, config.embedding_dim, bias=False)
                for h in heads
            }
        )
        self.text_heads = nn.ModuleDict(
            {h: _near_identity(self.text_encoder.width, config.embedding_dim) for h in heads}
        )
        width = self.image_encoder.width
        self.pooling = (
            FramePooling(width, config.temporal_layers)
            if config.frame_pooling == "transformer"
            else None
        )
        self.context = (
            ContextEncoder(width, config.context_layers) if config.context_layers else None
        )
        start = math.log(1 / config.initial_temperature)
        self.log_scales = nn.ParameterDict({h: nn.Parameter(torch.tensor(start)) for h in heads})
        # Sentence encoders put texts of one field into a narrow cone; see `centre_texts`.
        self.register_buffer("text_centre", torch.zeros(self.text_encoder.width))
        # So do frames, in the space that they share with texts; see `centre_images`.
        self.register_buffer("image_centre", torch.zeros(config.embedding_dim))

    def train(self, mode: bool = True) -> OphCLIP:
        """Set the mode; BatchNorm layers stay in evaluation mode where the config freezes them."""
        super().train(mode)
        if self.config.freeze_batchnorm:
            freeze_batchnorm(self)
        return self

    def centre_texts(self, texts: Sequence[str]) -> None:
        """Set `text_centre` to the mean feature of `texts`; needs a frozen text encoder.

        `text_features` subtracts it from the features of every text.
        """
        with torch.no_grad():
            self.text_centre.copy_(self.text_encoder(texts).mean(0))

    def centre_images(self, frames: torch.Tensor) -> None:
        """Set `image_centre` to the mean clip-level embedding of float `frames` [n, 3, s, s].

        Evaluation subtracts it: the direction that all frames share would favour some classes
        (the modality gap, https://arxiv.org/abs/2203.02053).
        """
        with torch.no_grad():
            embeddings = self.project_images(self.frame_features(frames), Level.CLIP)
            self.image_centre.copy_(embeddings.mean(0))

    def frame_features(self, frames: torch.Tensor) -> torch.Tensor:
        """Encode frames, without projection.

        Args:
            frames: float [..., 3, s, s] in [0, 1].

        Returns:
            float32 [..., W].
        """
        flat = self.image_encoder(frames.flatten(0, -4))
        return flat.view(*frames.shape[:-3], -1)  # type: ignore[no-any-return]

    def pool_frames(self, features: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Pool the frame features of each item.

        Args:
            features: [B, F, W].
            mask: bool [B, F], False where there is no frame; None if all are there.

        Returns:
            [B, W].
        """
        if self.pooling is not None:
            pooled: torch.Tensor = self.pooling(features, mask)
            return pooled
        return features.mean(1) if mask is None else masked_mean(features, mask)

    def contextualise(
        self,
        clips: torch.Tensor,
        context: torch.Tensor,
        offsets_s: torch.Tensor,
        mask: torch.Tensor,
    ) -> torch.Tensor:
        """Add to pooled clips what the frames before and after them show.

        Without a context encoder the clips are returned as they are. For clip level only: a whole video
        has no frames around it.

        Args:
            clips: [B, W], pooled features.
            context: [B, N, W], features of frames, or pooled ones of other clips.
            offsets_s: [B, N], seconds from the clip's middle.
            mask: bool [B, N], False where there is no context frame.

        Returns:
            [B, W].
        """
        if self.context is None:
            return clips
        changed: torch.Tensor = self.context(clips, context, offsets_s, mask)
        return changed

    def project_images(self, features: torch.Tensor, level: Level) -> torch.Tensor:
        """Project features [..., W], e.g. of `pool_frames`, to embeddings [..., D] of unit length."""
        return F.normalize(self.image_heads[self._head(level)](features).float(), dim=-1)

    def embed_frames(self, frames: torch.Tensor, level: Level) -> torch.Tensor:
        """Embed clips or videos without context.

        Args:
            frames: float [B, F, 3, s, s] in [0, 1].
            level: clip or video; selects the projection.

        Returns:
            [B, D] of unit length.
        """
        return self.project_images(self.pool_frames(self.frame_features(frames)), level)

    def text_features(self, texts: Sequence[str]) -> torch.Tensor:
        """Encode texts, without projection, less `text_centre`: [len(texts), T]."""
        features: torch.Tensor = self.text_encoder(texts)
        return features - self.text_centre

    def project_texts(self, features: torch.Tensor, level: Level) -> torch.Tensor:
        """Project features of `text_features`, [..., T], to embeddings [..., D] of unit length."""
        return F.normalize(self.text_heads[self._head(level)](features).float(), dim=-1)

    def embed_clips(
        self,
        features: torch.Tensor,
        context: torch.Tensor,
        offsets_s: torch.Tensor,
        context_mask: torch.Tensor,
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Embed clips at clip level, from the features of their frames and of their context frames.

        Args:
            features: [B, F, W], frames of the clips.
            context: [B, N, W], context frames; N may be 0.
            offsets_s: [B, N], seconds from the clip's middle.
            context_mask: bool [B, N], False where there is no context frame.
            mask: bool [B, F], False where there is no frame; None if all are there.

        Returns:
            [B, D] of unit length.
        """
        clips = self.pool_frames(features, mask)
        if context.shape[1]:
            device = clips.device
            clips = self.contextualise(
                clips, context, offsets_s.to(device), context_mask.to(device)
            )
        return self.project_images(clips, Level.CLIP)

    def embed_texts(self, texts: Sequence[str], level: Level) -> torch.Tensor:
        """Embed texts: [len(texts), D] of unit length."""
        return self.project_texts(self.text_features(texts), level)

    def logit_scale(self, level: Level) -> torch.Tensor:
        """Return 1 / temperature of a level, at most `config.max_logit_scale`: a scalar."""
        scale: torch.Tensor = self.log_scales[self._head(level)].exp()
        return scale.clamp(max=self.config.max_logit_scale)

    def clamp_scales(self) -> None:
        """Clamp the stored logarithms to their limit: above it `logit_scale` has no gradient."""
        limit = math.log(self.config.max_logit_scale)
        with torch.no_grad():
            for parameter in self.log_scales.values():
                parameter.clamp_(max=limit)

    def _head(self, level: Level) -> str:
        return str(level) if self.config.separate_heads else "shared"


def _near_identity(width: int, dim: int) -> nn.Linear:
    """Return a projection that preserves the text encoder's own similarities at the start."""
    layer = nn.Linear(width, dim, bias=False)
    nn.init.orthogonal_(layer.weight) if width != dim else nn.init.eye_(layer.weight)
    return layer
