"""A video's narrations fit its pictures better in their order than in reverse (`loss.order_weight`)."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from ophclip.losses.soft_dtw import order_loss
from ophclip.training.gradient_cache import Embeddings
from ophclip.training.run_log import LogFn
from ophclip.training.terms.term import BatchItems, Encoded, Run, Step, Term, TermLoss
from ophvl.config import Settings
from schemas.vocab import Level

GAMMA = 0.1
MARGIN = 0.1
"""Softness and margin of the term, in cost a frame."""


class OrderLoss(Settings):
    """The weight of the term, in section `loss`."""

    order_weight: float = Field(
        0.0, ge=0, description="Weight of narrations in their order against the same in reverse."
    )


class Order(Term):
    """Hinge of soft-DTW between pictures and narrations against the narrations in reverse."""

    level = Level.VIDEO
    name = "order"
    loss_keys = OrderLoss

    @classmethod
    def start(cls, run: Run, log: LogFn) -> Self | None:
        """Return the term; None without a weight."""
        del log
        return cls(run) if run.config.get(OrderLoss).order_weight else None

    def encode(self, items: BatchItems) -> Embeddings:
        """Return the embeddings of each frame, and the narrations in time order."""
        return {
            "frames": self.run.model.project_images(items.features, self.level),
            "narrations": items.narrations.embeddings,
            "narration_mask": items.narrations.mask,
        }

    def loss(self, step: Step, encoded: Encoded) -> TermLoss:
        """Return the hinge over the videos that have narrations."""
        del step
        parents = [i for i, row in enumerate(encoded.batch.rows) if row.narrations]
        if not parents:
            return TermLoss()
        loss = order_loss(
            encoded.further["frames"][parents],
            encoded.further["narrations"][parents],
            encoded.further["narration_mask"][parents],
            encoded.scale,
            GAMMA,
            MARGIN,
        )
        return TermLoss(loss=self.config.get(OrderLoss).order_weight * loss)
