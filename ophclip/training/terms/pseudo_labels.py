"""Narrations carried over to windows of silent videos, as weighted pseudo-labels (`loss.carry_weight`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Self

import torch
from pydantic import Field

from ophclip.config import Items
from ophclip.data.batches import (
    ContextTimes,
    context_frames,
    generator,
    sample_frame_indices,
    stack_context,
)
from ophclip.losses import contrastive
from ophclip.losses.pseudo_labels import carried, carry_over
from ophclip.retrieval.memory_bank import Key, MemoryBank
from ophclip.training.gradient_cache import Embeddings
from ophclip.training.run_log import LogFn
from ophclip.training.terms.embed import embed_clips
from ophclip.training.terms.term import Encoded, Input, Run, Step, Term, TermLoss
from ophvl.config import Settings, Unit
from schemas.vocab import Level


class CarryLoss(Settings):
    """The weight of the term, in section `loss`."""

    carry_weight: float = Field(
        0.0,
        ge=0,
        description="Weight of narrations carried over to silent windows (section carry).",
    )


class CarryConfig(Settings):
    """Narrations carried over to windows of silent videos (loss.carry_weight)."""

    windows: Annotated[int, Items] = Field(
        16, ge=2, description="Windows of silent videos in each clip step, over all processes."
    )
    window_s: Annotated[float, Unit("s")] = Field(5.0, gt=0, description="Length of a window.")
    neighbours: Annotated[int, Unit("narrations")] = Field(
        4, ge=1, description="Narrations that a window is given."
    )
    key: Key = Field(
        "joint",
        description="Whether a window's frames are compared with the frames of narrated clips (visual), "
        "with the narrations (text), or with both.",
    )
    temperature: float = Field(0.1, gt=0, description="Temperature of the softmax over narrations.")


class CarriedNarrations(Term):
    """Cross-entropy of silent windows with the narrations of clips that look or sound like them.

    The bank holds the embeddings of every narrated clip as they were when it was last in a batch.
    """

    level = Level.CLIP
    name = "carry"
    loss_keys = CarryLoss
    sections: ClassVar = {"carry": CarryConfig}
    silent_setting = "loss.carry_weight"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.bank = MemoryBank.of_rows(
            run.corpus.clips, dim=run.config.model.embedding_dim, device=run.group.device
        )

    @classmethod
    def start(cls, run: Run, log: LogFn) -> Self | None:
        """Return the term; None without a weight, or without silent videos."""
        if not run.config.get(CarryLoss).carry_weight:
            return None
        if not run.corpus.silent_videos:
            log("no narrations are carried over: there is no silent video")
            return None
        return cls(run)

    @property
    def banks(self) -> Mapping[str, MemoryBank]:
        """Return the bank of narrated clips."""
        return {"narrated": self.bank}

    def inputs(self, step: Step) -> Sequence[Input]:
        """Return windows of silent videos, once enough narrated clips are known."""
        if not self.bank.ready(self.config.get(CarryConfig).neighbours):
            return ()
        group = self.run.group
        count = self.config.get(CarryConfig).windows // group.size * group.size
        frames, context = self.windows(step.number, count, group.share(count))

        def encode(items: slice, pictures: torch.Tensor) -> Embeddings:
            model = self.run.model
            features = model.frame_features(pictures)
            return {"visual": embed_clips(model, features, context.select(items))}

        return [Input(name="window", count=count, frames=frames, encode=encode)]

    def loss(self, step: Step, encoded: Encoded) -> TermLoss:
        """Return the cross-entropy of the windows with the narrations carried over to them."""
        del step
        if "window" not in encoded.inputs:
            return TermLoss()
        settings, bank = self.config.get(CarryConfig), self.bank
        windows = encoded.inputs["window"]["visual"]
        entries = torch.arange(len(bank), device=windows.device)
        labels = carry_over(
            windows,
            bank.keys(entries, settings.key),
            bank.filled.expand(len(windows), -1),
            temperature=settings.temperature,
            keep=settings.neighbours,
        )
        used = labels.targets.any(0).nonzero().flatten()
        targets = labels.targets[:, used]
        narrations = self.run.corpus.narrations
        same = contrastive.same_text([narrations[entry] for entry in used.tolist()]).to(targets)
        loss = carried(
            windows,
            bank.title[used],
            targets,
            labels.weights,
            encoded.scale,
            neutral_mask=(targets > 0).to(same) @ same > 0,
        )
        return TermLoss(
            loss=self.config.get(CarryLoss).carry_weight * loss,
            metrics={"carry_weight": float(labels.weights.mean())},
        )

    def finish(self, step: Step, encoded: Encoded) -> None:
        """Write the batch's embeddings into the bank."""
        entries = [self.run.corpus.clip_index(row) for row in step.batch.rows]
        self.bank.write(entries, encoded.batch.visual, encoded.batch.text, step=step.number)

    def windows(self, step: int, count: int, own: slice) -> tuple[torch.Tensor, ContextTimes]:
        """Draw `count` windows of silent videos; return the pictures of `own` of them, and their context.

        The N pictures around a window follow its own F: uint8 [b, F + N, 3, S, S].
        """
        data, half_s = self.config.data, self.config.get(CarryConfig).window_s / 2
        silent, store = self.run.corpus.silent_videos, self.run.store
        random = generator(self.config.train.seed, "windows", step)
        videos = torch.randint(len(silent), (count,), generator=random).tolist()
        shares = torch.rand(count, generator=random).tolist()
        frames, around = [], []
        for video, share in zip(videos[own], shares[own], strict=True):
            row = silent[video]
            times = row.frame_times_s
            middle_s = times[int(share * len(times))]
            start_s, end_s = middle_s - half_s, middle_s + half_s
            inside = [i for i, time_s in enumerate(times) if start_s <= time_s <= end_s]
            picks = [inside[i] for i in sample_frame_indices(len(inside), data.clip_frames)]
            if data.context:
                near = context_frames(
                    row, start_s, end_s, count=data.context, stride_s=data.context_stride_s
                )
                around.append(near)
                picks += near.indices
            frames.append(store.frames(row, picks))
        return torch.stack(frames), stack_context(around, len(frames))
