"""The level between clip and video. In: clip rows. Out: runs of consecutive clips of one phase.

A surgeon says several sentences during a phase, and names it in some of them. All these narrations
together, and the frames of all these clips, are a pair of their own. Levels of clip, phase and video: HecVL
(https://arxiv.org/abs/2405.10075); finding runs by the phases that the narrations name is ours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import torch

from ophclip.data.batches import FrameStore, sample_frame_indices
from ophclip.data.shards import Sample


@dataclass(frozen=True, kw_only=True)
class PhaseRun:
    """Two or more clips of one video, in time order, during one phase."""

    phase: str
    """Concept id of the phase."""
    clips: tuple[Sample, ...]

    @property
    def key(self) -> str:
        """Unique among the runs of a dataset."""
        return self.clips[0].pair_id

    @property
    def narrations(self) -> tuple[str, ...]:
        """The narration of each of `clips`."""
        return tuple(clip.text or "" for clip in self.clips)

    def frames(self, store: FrameStore, count: int, random: torch.Generator) -> torch.Tensor:
        """Draw `count` frames spread over the whole run: uint8 [count, 3, S, S]."""
        frames = [(clip, i) for clip in self.clips for i in range(len(clip.frame_times_s))]
        drawn = [frames[index] for index in sample_frame_indices(len(frames), count, random)]
        return torch.cat([store.frames(clip, [i]) for clip, i in drawn])


def phase_runs(clips: Iterable[Sample]) -> tuple[PhaseRun, ...]:
    """Find the runs of all videos.

    A run begins and ends with a clip that names its phase and no other. Clips between that name none belong
    to it; one that names another phase, or several, ends it.
    """
    by_video: dict[str, list[Sample]] = defaultdict(list)
    for clip in clips:
        by_video[clip.video_id].append(clip)
    return tuple(
        run
        for of_video in by_video.values()
        for run in _runs(sorted(of_video, key=lambda clip: (clip.start_s, clip.end_s)))
    )


def _runs(clips: Sequence[Sample]) -> Iterator[PhaseRun]:
    """Yield the runs of one video, whose clips are in time order."""
    naming = [(index, clip.phases) for index, clip in enumerate(clips) if clip.phases]
    for phases, group in groupby(naming, key=itemgetter(1)):
        indices = [index for index, _ in group]
        if len(phases) == 1 and len(indices) > 1:
            run = tuple(clips[indices[0] : indices[-1] + 1])
            yield PhaseRun(phase=next(iter(phases)), clips=run)
