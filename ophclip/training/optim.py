"""Parameter groups, and learning rate and level of each step as pure functions of its number."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from ophclip.model.dual_encoder import OphCLIP
from ophclip.training.config import OptimConfig
from schemas.vocab import Level


def build_optimiser(model: OphCLIP, config: OptimConfig) -> torch.optim.AdamW:
    """Return AdamW over the trainable weights. Vectors and scalars (norms, biases, scales) do not decay."""
    groups = []
    for in_encoder in (False, True):
        for decays in (False, True):
            chosen = [
                parameter
                for name, parameter in model.named_parameters()
                if parameter.requires_grad
                and ("_encoder." in name) == in_encoder
                and (parameter.ndim >= 2) == decays
            ]
            lr = config.lr * (config.encoder_lr_share if in_encoder else 1.0)
            if chosen:
                groups.append(
                    {
                        "params": chosen,
                        "lr": lr,
                        "highest_lr": lr,
                        "weight_decay": config.weight_decay if decays else 0.0,
                    }
                )
    return torch.optim.AdamW(groups, lr=config.lr, betas=(config.beta1, config.beta2))


def lr_share(step: int, total: int, config: OptimConfig) -> float:
    """Return the learning rate of `step` (0 to total - 1) as a share of the highest.

    Rises in a line over the first `warmup_steps`, then falls along a half cosine, and is exactly
    `final_lr_share` at the last step.
    """
    warmup = min(config.warmup_steps, total - 1)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    span = max(total - 1 - warmup, 1)
    fallen = (1 + math.cos(math.pi * min((step - warmup) / span, 1.0))) / 2
    return config.final_lr_share + (1 - config.final_lr_share) * fallen


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which level each step trains: `clip_steps` at clip level, then `video_steps` at video level."""

    clip_steps: int
    video_steps: int
    total: int

    @classmethod
    def build(
        cls, *, clip_steps: int, video_steps: int, clips_per_epoch: int, epochs: int, max_steps: int
    ) -> Plan:
        """Plan a run that ends after `epochs` passes over the clips or `max_steps`, whichever comes first.

        `clips_per_epoch` counts batches; 0 for either limit sets none.
        """
        total = max_steps
        if epochs:
            cycles = (epochs * clips_per_epoch - 1) // clip_steps
            whole = epochs * clips_per_epoch + cycles * video_steps
            total = min(whole, max_steps) if max_steps else whole
        return cls(clip_steps=clip_steps, video_steps=video_steps, total=total)

    def level(self, step: int) -> Level:
        """Return the level that a step trains."""
        within = step % (self.clip_steps + self.video_steps)
        return Level.CLIP if within < self.clip_steps else Level.VIDEO

    def done(self, step: int, level: Level) -> int:
        """Return how many steps of `level` lie before `step`: the number of that level's next batch."""
        cycles, within = divmod(step, self.clip_steps + self.video_steps)
        if level is Level.CLIP:
            return cycles * self.clip_steps + min(within, self.clip_steps)
        return cycles * self.video_steps + max(within - self.clip_steps, 0)
