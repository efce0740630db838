"""The main term of each level: contrast of clips with narrations, and of videos with titles."""

from __future__ import annotations

from typing import Self

from ophclip.losses import contrastive
from ophclip.training.run_log import LogFn
from ophclip.training.terms.term import Encoded, Run, Step, Term, TermLoss
from schemas.vocab import Level


class ClipContrast(Term):
    """InfoNCE of each clip and its narration."""

    level = Level.CLIP
    name = "clip"

    @classmethod
    def start(cls, run: Run, log: LogFn) -> Self | None:
        """Return the term: it is always on."""
        del log
        return cls(run)

    def loss(self, step: Step, encoded: Encoded) -> TermLoss:
        """Return the contrast of all pairs, and of the items that join them."""
        del step
        pairs = encoded.joined
        return TermLoss(
            loss=contrastive.info_nce(
                pairs.visual,
                pairs.text,
                encoded.scale,
                neutral_mask=pairs.neutral_mask,
                weights=pairs.weights,
            )
        )


class VideoContrast(ClipContrast):
    """InfoNCE of each video and its title; silent videos with a title may be in the batch, or join it."""

    level = Level.VIDEO
    name = "video"
    silent_setting = "loss.silent_titles"

    def uses_silent_videos(self) -> bool:
        """Return whether titled silent videos are in the batches."""
        return self.config.loss.silent_titles and bool(self.run.corpus.titled_silent_videos)
