"""The middle level between clip and video. In: clip rows. Out: runs of narrations of one phase.

A surgeon says several sentences during a phase, and names it in some of them. What is said in all of them
together, and the pictures of all of them, are a pair of their own. Levels of clip, phase and video: HecVL
(https://arxiv.org/abs/2405.10075); that a run is found by the phases which the narrations name is ours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import torch

from ophclip.data.batches import FrameStore, spread
from ophclip.data.shards import Row


@dataclass(frozen=True, kw_only=True)
class PhaseRun:
    """Two or more clips of one video, in time order, during one phase."""

    phase: str
    """Its concept id."""
    clips: tuple[Row, ...]

    @property
    def key(self) -> str:
        """Unique among the runs of a dataset."""
        return self.clips[0].pair_id

    @property
    def narrations(self) -> tuple[str, ...]:
        return tuple(clip.text or "" for clip in self.clips)

    def frames(self, store: FrameStore, wanted: int, random: torch.Generator) -> torch.Tensor:
        """Pictures at random over the whole run: uint8 [wanted, 3, S, S]."""
        shown = [(clip, i) for clip in self.clips for i in range(len(clip.frame_times_s))]
        chosen = [shown[place] for place in spread(len(shown), wanted, random)]
        return torch.cat([store.frames(clip, [i]) for clip, i in chosen])


def phase_runs(clips: Iterable[Row]) -> tuple[PhaseRun, ...]:
    """The runs of all videos.

    A run begins and ends with a clip that names its phase and no other. Clips between that name none belong
    to it; one that names another phase, or several, ends it.
    """
    by_video: dict[str, list[Row]] = defaultdict(list)
    for clip in clips:
        by_video[clip.video_id].append(clip)
    return tuple(
        run
        for found in by_video.values()
        for run in _runs(sorted(found, key=lambda clip: (clip.start_s, clip.end_s)))
    )


def _runs(clips: Sequence[Row]) -> Iterator[PhaseRun]:
    """Those of one video, whose clips are in time order."""
    naming = [(place, clip.phases) for place, clip in enumerate(clips) if clip.phases]
    for phases, found in groupby(naming, key=itemgetter(1)):
        places = [place for place, _ in found]
        if len(phases) == 1 and len(places) > 1:
            yield PhaseRun(phase=next(iter(phases)), clips=tuple(clips[places[0] : places[-1] + 1]))
