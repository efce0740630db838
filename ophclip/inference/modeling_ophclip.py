"""OphCLIP for transformers: one file that needs transformers and torch, nothing else.

`ophclip export` copies it next to the weights, where
`AutoModel.from_pretrained(folder, trust_remote_code=True)` finds it. No standard architecture fits:
texts are the mean over tokens less a centre, clips the mean over frames, the small image encoder is pooled
by the maximum over positions, and clip and video level have separate projections.

Shapes: B items, F frames, T tokens, s the side of a frame in pixels, D = `config.embedding_dim`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from transformers import AutoConfig, AutoModel, PretrainedConfig, PreTrainedModel
from transformers.utils.generic import ModelOutput


class OphCLIPConfig(PretrainedConfig):  # type: ignore[no-untyped-call,unused-ignore]
    """The configs of the two networks, and the settings of pooling and projections."""

    model_type = "ophclip"

    def __init__(
        self,
        image_network: dict[str, Any] | None = None,
        text_network: dict[str, Any] | None = None,
        image_width: int = 256,
        text_width: int = 384,
        embedding_dim: int = 384,
        separate_heads: bool = True,
        image_pooling: str = "max",
        image_pooler: bool = True,
        text_pooler: bool = True,
        max_logit_scale: float = 100.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.image_network = image_network or {"model_type": "bit"}
        self.text_network = text_network or {"model_type": "bert"}
        self.image_width = image_width
        self.text_width = text_width
        self.embedding_dim = embedding_dim
        self.separate_heads = separate_heads
        # "max": the maximum over positions; "own": the network's pooler, else the mean.
        self.image_pooling = image_pooling
        # Whether the networks have the poolers that their classes have; some weights come without.
        self.image_pooler = image_pooler
        self.text_pooler = text_pooler
        self.max_logit_scale = max_logit_scale


@dataclass
class OphCLIPOutput(ModelOutput):
    """Embeddings of unit length, [B, D] and [B', D], and their cosines over the temperature, [B, B']."""

    image_embeds: torch.Tensor | None = None
    text_embeds: torch.Tensor | None = None
    logits_per_image: torch.Tensor | None = None
    logits_per_text: torch.Tensor | None = None


class OphCLIPModel(PreTrainedModel):  # type: ignore[no-untyped-call,unused-ignore]
    """Embeds images and texts of eye surgery in one space, for clips ("clip") and whole videos ("video")."""

    config_class = OphCLIPConfig
    base_model_prefix = "ophclip"
    main_input_name = "pixel_values"
    _supports_sdpa = True

    text_centre: torch.Tensor
    image_centre: torch.Tensor

    def __init__(self, config: OphCLIPConfig) -> None:
        super().__init__(config)
        self.image_encoder = _network(config.image_network, pooler=config.image_pooler)
        self.text_encoder = _network(config.text_network, pooler=config.text_pooler)
        heads = ["clip", "video"] if config.separate_heads else ["shared"]
        dim = config.embedding_dim
        self.image_heads = nn.ModuleDict(
            {head: nn.Linear(config.image_width, dim, bias=False) for head in heads}
        )
        self.text_heads = nn.ModuleDict(
            {head: nn.Linear(config.text_width, dim, bias=False) for head in heads}
        )
        self.log_scales = nn.ParameterDict({head: nn.Parameter(torch.zeros(())) for head in heads})
        self.register_buffer("text_centre", torch.zeros(config.text_width))
        # The mean clip embedding of training frames; zero-shot classification subtracts it.
        self.register_buffer("image_centre", torch.zeros(dim))
        self.post_init()  # type: ignore[no-untyped-call,unused-ignore]

    def get_image_features(self, pixel_values: torch.Tensor, level: str = "clip") -> torch.Tensor:
        """Embed images or clips.

        Args:
            pixel_values: [B, 3, s, s] or [B, F, 3, s, s], as the image processor returns them.
            level: "clip" or "video".

        Returns:
            [B, D] of unit length.
        """
        clips = pixel_values if pixel_values.ndim == 5 else pixel_values.unsqueeze(1)
        output = self.image_encoder(clips.flatten(0, 1))
        features = _pooled(output, self.config.image_pooling).view(*clips.shape[:2], -1)
        return F.normalize(self.image_heads[self._head(level)](features.mean(1)), dim=-1)

    def get_text_features(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        level: str = "clip",
    ) -> torch.Tensor:
        """Embed texts.

        Args:
            input_ids: [B, T], as the tokenizer returns them.
            attention_mask: [B, T], 0 for padding; None if there is none.
            token_type_ids: [B, T] or None.
            level: "clip" or "video".

        Returns:
            [B, D] of unit length.
        """
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        tokens = {"input_ids": input_ids, "attention_mask": attention_mask}
        if token_type_ids is not None:
            tokens["token_type_ids"] = token_type_ids
        states = self.text_encoder(**tokens).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(states.dtype)
        features = F.normalize((states * mask).sum(1) / mask.sum(1), dim=-1) - self.text_centre
        return F.normalize(self.text_heads[self._head(level)](features), dim=-1)

    def forward(
        self,
        pixel_values: torch.Tensor | None = None,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        level: str = "clip",
        **_: Any,
    ) -> OphCLIPOutput:
        """Embed images, texts or both; with both, compute the logits too.

        Arguments are those of `get_image_features` and `get_text_features`.
        """
        images = texts = logits = None
        if pixel_values is not None:
            images = self.get_image_features(pixel_values, level)
        if input_ids is not None:
            texts = self.get_text_features(input_ids, attention_mask, token_type_ids, level)
        if images is not None and texts is not None:
            scale = self.log_scales[self._head(level)].exp().clamp(max=self.config.max_logit_scale)
            logits = scale * images @ texts.T
        return OphCLIPOutput(
            image_embeds=images,
            text_embeds=texts,
            logits_per_image=logits,
            logits_per_text=None if logits is None else logits.T,
        )

    def _head(self, level: str) -> str:
        if level not in ("clip", "video"):
            raise ValueError(f"level is 'clip' or 'video', not {level!r}")
        return level if self.config.separate_heads else "shared"


def _network(config: dict[str, Any], *, pooler: bool) -> nn.Module:
    network: Any = AutoModel.from_config(AutoConfig.for_model(**config))  # type: ignore[no-untyped-call,unused-ignore]
    if not pooler:
        network.pooler = None
    return network  # type: ignore[no-any-return]


def _pooled(output: Any, pooling: str) -> torch.Tensor:
    """Return one feature for each of N images, [N, W], from a network's output."""
    states: torch.Tensor = output.last_hidden_state
    if pooling == "max":
        return states.amax(dim=(2, 3))
    pooled = getattr(output, "pooler_output", None)
    if pooled is not None:
        return torch.flatten(pooled, 1)
    return states.flatten(2).mean(2) if states.ndim == 4 else states.mean(1)
