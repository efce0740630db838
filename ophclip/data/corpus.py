"""The training rows of a dataset by their use: clips, narrated videos, silent videos."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ophclip.data.phase_runs import PhaseRun, phase_runs
from ophclip.data.shards import Sample, Shards
from ophclip.errors import DataError
from schemas.vocab import Level, Route, Split


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """The training rows of a dataset by their use."""

    shards: Shards
    clips: tuple[Sample, ...]
    videos: tuple[Sample, ...]
    """Narrated videos with a title."""
    titled_silent_videos: tuple[Sample, ...]
    silent_videos: tuple[Sample, ...]
    """All silent videos, with a title or without."""
    video_rows: Mapping[str, Sample]
    """The video-level row of every video by `video_id`; its frames cover the whole video."""

    @classmethod
    def select(cls, shards: Shards) -> Corpus:
        """Select the rows of split train.

        Raises:
            DataError: there are fewer than two clips, so nothing to contrast.
        """
        rows = [row for row in shards.rows if row.split == Split.TRAIN]
        clips = tuple(row for row in rows if row.level == Level.CLIP)
        videos = [row for row in rows if row.level == Level.VIDEO]
        titled = [row for row in videos if row.title]
        if len(clips) < 2:
            raise DataError(
                f"{shards.files[0].parent} has {len(clips)} clip row(s) with split {Split.TRAIN}, but "
                "training needs at least 2; look at `ophvl stats` for where the others went"
            )
        return cls(
            shards=shards,
            clips=clips,
            videos=tuple(row for row in titled if row.kind == Route.NARRATED),
            titled_silent_videos=tuple(row for row in titled if row.kind == Route.SILENT),
            silent_videos=tuple(row for row in videos if row.kind == Route.SILENT),
            video_rows={row.video_id: row for row in videos},
        )

    @cached_property
    def narrations(self) -> tuple[str, ...]:
        """The narration of each of `clips`."""
        return tuple(row.text or "" for row in self.clips)

    @cached_property
    def phase_runs(self) -> tuple[PhaseRun, ...]:
        """Consecutive clips of one video during one phase."""
        return phase_runs(self.clips)

    def clip_index(self, clip: Sample) -> int:
        """Return the index of a clip in `clips`."""
        return self._indices[clip.pair_id]

    @cached_property
    def _indices(self) -> dict[str, int]:
        return {row.pair_id: index for index, row in enumerate(self.clips)}

    @property
    def video_ids(self) -> tuple[str, ...]:
        """Every source video of split train, titled or not."""
        return tuple(sorted({row.video_id for row in self.shards.rows if row.split == Split.TRAIN}))

    @property
    def texts(self) -> list[str]:
        """Every training text once, in the order of the rows."""
        titled = self.videos + self.titled_silent_videos
        texts = [row.text for row in self.clips] + [row.title for row in titled]
        return list(dict.fromkeys(text for text in texts if text))
