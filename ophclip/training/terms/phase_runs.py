"""The middle level between clip and video: runs of clips of one phase (`loss.phase_weight`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch
from pydantic import Field

from ophclip.data.batches import generator
from ophclip.data.phase_runs import PhaseRun
from ophclip.losses import contrastive
from ophclip.training.gradient_cache import Embeddings
from ophclip.training.run_log import LogFn
from ophclip.training.terms.embed import embed_narrations
from ophclip.training.terms.term import Encoded, Input, Run, Step, Term, TermLoss
from ophvl.config import Settings
from schemas.vocab import Level


class PhaseLoss(Settings):
    """The weight of the term, in section `loss`."""

    phase_weight: float = Field(
        0.0, ge=0, description="Weight of the middle level: runs of narrations of one phase."
    )


class PhaseRuns(Term):
    """InfoNCE of runs of clips of one phase, and the mean of their narrations.

    Runs of the same phase are no negatives of each other.
    """

    level = Level.CLIP
    name = "phase"
    loss_keys = PhaseLoss

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._drawn: Sequence[PhaseRun] = ()

    @classmethod
    def start(cls, run: Run, log: LogFn) -> Self | None:
        """Return the term; None without a weight, or with fewer than two runs."""
        if not run.config.get(PhaseLoss).phase_weight:
            return None
        count = len(run.corpus.phase_runs)
        log(
            f"{count} runs of two or more narrations of one phase"
            f"{': no middle level' if count < 2 else ''}"
        )
        return cls(run) if count >= 2 else None

    def inputs(self, step: Step) -> Sequence[Input]:
        """Return the runs of this step."""
        self._drawn = self.draw(step.number)
        if not self._drawn:
            return ()
        own = self.run.group.share_of(self._drawn)

        def encode(items: slice, pictures: torch.Tensor) -> Embeddings:
            narrations = [(phase_run.key, phase_run.narrations) for phase_run in own[items]]
            model = self.run.model
            return {
                "visual": model.embed_frames(pictures, self.level),
                "text": embed_narrations(
                    model, narrations, self.level, config=self.config, step=step.number
                ).mean(),
            }

        frames = self.frames(step.number, own)
        return [Input(name="run", count=len(self._drawn), frames=frames, encode=encode)]

    def loss(self, step: Step, encoded: Encoded) -> TermLoss:
        """Return the contrast of runs and narrations."""
        del step
        if "run" not in encoded.inputs:
            return TermLoss()
        runs = encoded.inputs["run"]
        same_phase = contrastive.same_text([phase_run.phase for phase_run in self._drawn])
        loss = contrastive.info_nce(
            runs["visual"],
            runs["text"],
            encoded.scale,
            neutral_mask=same_phase.to(runs["visual"].device),
        )
        return TermLoss(loss=self.config.get(PhaseLoss).phase_weight * loss)

    def draw(self, step: int) -> Sequence[PhaseRun]:
        """Return the runs of a step, each at most once; as many for each process, and two or more in all."""
        runs, processes = self.run.corpus.phase_runs, self.run.group.size
        random = generator(self.config.train.seed, "runs", step)
        order = torch.randperm(len(runs), generator=random).tolist()
        count = min(self.config.data.phase_batch, len(runs)) // processes * processes
        return [runs[number] for number in order[:count]] if count > 1 else []

    def frames(self, step: int, runs: Sequence[PhaseRun]) -> torch.Tensor:
        """Return pictures of each run, uint8 [b, F, 3, S, S]."""
        count, seed = self.config.data.phase_frames, self.config.train.seed
        return torch.stack(
            [
                phase_run.frames(
                    self.run.store, count, generator(seed, "runs", step, phase_run.key)
                )
                for phase_run in runs
            ]
        )
