"""The dual encoder. In: frames and texts. Out: embeddings of unit length, one space for each level."""

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
    """Image encoder per frame, text encoder, and linear projections for clip and video level.

    Shapes: B items, F frames, N neighbours, W = `image_encoder.width`, D = `config.embedding_dim`.
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
        # So do pictures, in the space that they share with texts; see `centre_images`.
        self.register_buffer("image_centre", torch.zeros(config.embedding_dim))

    def train(self, mode: bool = True) -> OphCLIP:
        super().train(mode)
        if self.config.freeze_batchnorm:
            freeze_batchnorm(self)
        return self

    def centre_texts(self, texts: Sequence[str]) -> None:
        """Subtract the mean feature of `texts` from every text from now on (frozen encoder only)."""
        with torch.no_grad():
            self.text_centre.copy_(self.text_encoder(texts).mean(0))

    def centre_images(self, frames: torch.Tensor) -> None:
        """Take the mean clip-level embedding of `frames` [N, 3, s, s] as `image_centre`.

        Evaluation takes it off: the direction that all pictures share would favour some classes
        (the modality gap, https://arxiv.org/abs/2203.02053).
        """
        with torch.no_grad():
            embeddings = self.project_images(self.frame_features(frames), Level.CLIP)
            self.image_centre.copy_(embeddings.mean(0))

    def frame_features(self, frames: torch.Tensor) -> torch.Tensor:
        """[..., 3, s, s] in [0, 1] to [..., W], before projection."""
        flat = self.image_encoder(frames.flatten(0, -4))
        return flat.view(*frames.shape[:-3], -1)  # type: ignore[no-any-return]

    def pool_frames(self, features: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Features of frames [B, F, W] to [B, W]; `mask` [B, F] is False where there is no frame."""
        if self.pooling is not None:
            pooled: torch.Tensor = self.pooling(features, mask)
            return pooled
        return features.mean(1) if mask is None else masked_mean(features, mask)

    def contextualise(
        self,
        centre: torch.Tensor,
        neighbours: torch.Tensor,
        offsets_s: torch.Tensor,
        mask: torch.Tensor,
    ) -> torch.Tensor:
        """Pooled clips [B, W] in the light of pictures around them; as they are without a context encoder.

        For clip level only: a whole video has nothing around it.

        Args:
            neighbours: [B, N, W], features of frames, or pooled ones of other clips.
            offsets_s: [B, N], seconds from the clip's middle.
            mask: bool [B, N], True where there is a neighbour.
        """
        if self.context is None:
            return centre
        changed: torch.Tensor = self.context(centre, neighbours, offsets_s, mask)
        return changed

    def project_images(self, features: torch.Tensor, level: Level) -> torch.Tensor:
        """Features [..., W], e.g. of `pool_frames`, to embeddings [..., D]."""
        return F.normalize(self.image_heads[self._head(level)](features).float(), dim=-1)

    def embed_frames(self, frames: torch.Tensor, level: Level) -> torch.Tensor:
        """Clips or videos [B, F, 3, s, s] to [B, D], without context."""
        return self.project_images(self.pool_frames(self.frame_features(frames)), level)

    def text_features(self, texts: Sequence[str]) -> torch.Tensor:
        """Texts to [len(texts), width], before projection, with the centre taken off."""
        features: torch.Tensor = self.text_encoder(texts)
        return features - self.text_centre

    def project_texts(self, features: torch.Tensor, level: Level) -> torch.Tensor:
        """What `text_features` made, [..., width], to embeddings [..., D]."""
        return F.normalize(self.text_heads[self._head(level)](features).float(), dim=-1)

    def embed_clips(
        self,
        features: torch.Tensor,
        around: torch.Tensor,
        offsets_s: torch.Tensor,
        found: torch.Tensor,
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Clips, from the features of their pictures and of those around them, to [B, D] at clip level.

        Args:
            features: [B, F, W]; `mask` [B, F] is False where there is no picture.
            around, offsets_s, found: [B, N, W], [B, N] and bool [B, N], as for `contextualise`; N may be 0.
        """
        clips = self.pool_frames(features, mask)
        if around.shape[1]:
            device = clips.device
            clips = self.contextualise(clips, around, offsets_s.to(device), found.to(device))
        return self.project_images(clips, Level.CLIP)

    def embed_texts(self, texts: Sequence[str], level: Level) -> torch.Tensor:
        """Texts to [len(texts), D]."""
        return self.project_texts(self.text_features(texts), level)

    def logit_scale(self, level: Level) -> torch.Tensor:
        """1 / temperature of a level, at most `config.max_logit_scale`."""
        scale: torch.Tensor = self.log_scales[self._head(level)].exp()
        return scale.clamp(max=self.config.max_logit_scale)

    def clamp_scales(self) -> None:
        """Hold the stored logarithms at or below their limit, where `clamp` has no gradient."""
        limit = math.log(self.config.max_logit_scale)
        with torch.no_grad():
            for parameter in self.log_scales.values():
                parameter.clamp_(max=limit)

    def _head(self, level: Level) -> str:
        return str(level) if self.config.separate_heads else "shared"


def _near_identity(width: int, dim: int) -> nn.Linear:
    """A projection that starts by keeping the text encoder's own similarities."""
    layer = nn.Linear(width, dim, bias=False)
    nn.init.orthogonal_(layer.weight) if width != dim else nn.init.eye_(layer.weight)
    return layer
