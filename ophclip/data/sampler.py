"""What a step shows the model beside its batch: neighbours, runs of one phase, windows of silent videos.

All of it is a function of the seed, the step's number and the item, so that it does not depend on the
processes that share it, nor on what was drawn before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ophclip.config import Config
from ophclip.data.batches import FrameStore, Surroundings, beside, generator, spread, surroundings
from ophclip.data.corpus import Corpus
from ophclip.data.phase_runs import PhaseRun
from ophclip.data.shards import Row


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """Draws for the steps of one run. Pictures are uint8 [items, F, 3, S, S]."""

    config: Config
    corpus: Corpus
    store: FrameStore

    def neighbours(self, step: int, rows: Sequence[Row]) -> torch.Tensor:
        """Pictures of silent videos that were found for a batch."""
        wanted = self.config.data.video_frames
        return torch.stack(
            [
                self.store.frames(
                    row,
                    spread(
                        len(row.frame_times_s),
                        wanted,
                        self._random("neighbours", step, row.video_id),
                    ),
                )
                for row in rows
            ]
        )

    def runs(self, step: int, *, processes: int) -> list[PhaseRun]:
        """The runs of one phase that a clip step sees, each at most once; a multiple of `processes`."""
        if not self.config.loss.phase_weight:
            return []
        runs = self.corpus.phase_runs
        order = torch.randperm(len(runs), generator=self._random("runs", step)).tolist()
        count = min(self.config.data.phase_batch, len(runs)) // processes * processes
        return [runs[place] for place in order[:count]] if count > 1 else []

    def run_frames(self, step: int, runs: Sequence[PhaseRun]) -> torch.Tensor:
        """Pictures of some of them."""
        wanted = self.config.data.phase_frames
        return torch.stack(
            [run.frames(self.store, wanted, self._random("runs", step, run.key)) for run in runs]
        )

    def windows(self, step: int, count: int, own: slice) -> tuple[torch.Tensor, Surroundings]:
        """Pictures of `own` of `count` windows of silent videos, and of what lies around them.

        The N pictures around a window follow its own F: [b, F + N, 3, S, S].
        """
        data, half_s = self.config.data, self.config.carry.window_s / 2
        random = self._random("windows", step)
        videos = torch.randint(len(self.corpus.footage), (count,), generator=random).tolist()
        shares = torch.rand(count, generator=random).tolist()
        frames, around = [], []
        for video, share in zip(videos[own], shares[own], strict=True):
            row = self.corpus.footage[video]
            times = row.frame_times_s
            middle_s = times[int(share * len(times))]
            start_s, end_s = middle_s - half_s, middle_s + half_s
            inside = [i for i, time_s in enumerate(times) if start_s <= time_s <= end_s]
            picks = [inside[i] for i in spread(len(inside), data.clip_frames)]
            if data.context:
                near = beside(
                    row, start_s, end_s, count=data.context, stride_s=data.context_stride_s
                )
                around.append(near)
                picks += near.picks
            frames.append(self.store.frames(row, picks))
        return torch.stack(frames), surroundings(around, len(frames))

    def _random(self, *key: int | str) -> torch.Generator:
        return generator(self.config.train.seed, *key)
