"""A video's title with the mean of its narrations (`loss.parent_child_weight`)."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from ophclip.losses import contrastive
from ophclip.training.gradient_cache import Embeddings
from ophclip.training.run_log import LogFn
from ophclip.training.terms.term import BatchItems, Encoded, Run, Step, Term, TermLoss
from ophvl.config import Settings
from schemas.vocab import Level


class ParentChildLoss(Settings):
    """The weight of the term, in section `loss`."""

    parent_child_weight: float = Field(
        0.5, ge=0, description="Weight of titles against the mean narration of their videos."
    )


class ParentChild(Term):
    """InfoNCE of titles and the mean narration of their videos, over the videos that have narrations."""

    level = Level.VIDEO
    name = "parent_child"
    loss_keys = ParentChildLoss

    @classmethod
    def start(cls, run: Run, log: LogFn) -> Self | None:
        """Return the term; None without a weight."""
        del log
        return cls(run) if run.config.get(ParentChildLoss).parent_child_weight else None

    def encode(self, items: BatchItems) -> Embeddings:
        """Return the mean of each video's narrations."""
        return {"mean_narration": items.narrations.mean()}

    def loss(self, step: Step, encoded: Encoded) -> TermLoss:
        """Return the contrast over the videos that have narrations; none for fewer than two."""
        del step
        batch = encoded.batch
        parents = [i for i, row in enumerate(batch.rows) if row.narrations]
        if len(parents) < 2:
            return TermLoss()
        loss = contrastive.info_nce(
            batch.text[parents],
            encoded.further["mean_narration"][parents],
            encoded.scale,
            neutral_mask=batch.neutral_mask[parents][:, parents],
        )
        return TermLoss(loss=self.config.get(ParentChildLoss).parent_child_weight * loss)
