"""Sample what a step encodes besides its batch: neighbours, runs of one phase, windows of silent videos.

Each sample is a function of the seed, the step and the item, so that it does not depend on how processes
share the items, nor on earlier draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ophclip.config import Config
from ophclip.data.batches import (
    ContextTimes,
    FrameStore,
    context_frames,
    generator,
    sample_frame_indices,
    stack_context,
)
from ophclip.data.corpus import Corpus
from ophclip.data.phase_runs import PhaseRun
from ophclip.data.shards import Sample


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """Samples for the steps of one run. Frames are uint8 [items, F, 3, S, S]."""

    config: Config
    corpus: Corpus
    store: FrameStore

    def neighbours(self, step: int, rows: Sequence[Sample]) -> torch.Tensor:
        """Return frames of the silent videos that were retrieved for a batch."""
        count = self.config.data.video_frames
        return torch.stack(
            [
                self.store.frames(
                    row,
                    sample_frame_indices(
                        len(row.frame_times_s),
                        count,
                        self._random("neighbours", step, row.video_id),
                    ),
                )
                for row in rows
            ]
        )

    def runs(self, step: int, *, processes: int) -> list[PhaseRun]:
        """Draw the phase runs of a clip step, each at most once; a multiple of `processes`."""
        if not self.config.loss.phase_weight:
            return []
        runs = self.corpus.phase_runs
        order = torch.randperm(len(runs), generator=self._random("runs", step)).tolist()
        count = min(self.config.data.phase_batch, len(runs)) // processes * processes
        return [runs[index] for index in order[:count]] if count > 1 else []

    def run_frames(self, step: int, runs: Sequence[PhaseRun]) -> torch.Tensor:
        """Return frames of some of the runs of `runs`."""
        count = self.config.data.phase_frames
        return torch.stack(
            [run.frames(self.store, count, self._random("runs", step, run.key)) for run in runs]
        )

    def windows(self, step: int, count: int, own: slice) -> tuple[torch.Tensor, ContextTimes]:
        """Draw `count` windows of silent videos; return the frames of those in the slice `own`.

        Returns:
            uint8 [b, F + N, 3, S, S], the N context frames of a window after its own F, and the times of
            the context frames.
        """
        data, half_s = self.config.data, self.config.carry.window_s / 2
        random = self._random("windows", step)
        videos = torch.randint(len(self.corpus.silent_videos), (count,), generator=random).tolist()
        shares = torch.rand(count, generator=random).tolist()
        frames, contexts = [], []
        for video, share in zip(videos[own], shares[own], strict=True):
            row = self.corpus.silent_videos[video]
            times = row.frame_times_s
            middle_s = times[int(share * len(times))]
            start_s, end_s = middle_s - half_s, middle_s + half_s
            inside = [i for i, time_s in enumerate(times) if start_s <= time_s <= end_s]
            indices = [inside[i] for i in sample_frame_indices(len(inside), data.clip_frames)]
            if data.context:
                context = context_frames(
                    row, start_s, end_s, count=data.context, stride_s=data.context_stride_s
                )
                contexts.append(context)
                indices += context.indices
            frames.append(self.store.frames(row, indices))
        return torch.stack(frames), stack_context(contexts, len(frames))

    def _random(self, *key: int | str) -> torch.Generator:
        return generator(self.config.train.seed, *key)
