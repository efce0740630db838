"""The training rows of a dataset by the part that they play."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ophclip.data.phase_runs import PhaseRun, phase_runs
from ophclip.data.shards import Row, Shards
from ophclip.errors import DataError
from schemas.vocab import Level, Route, Split


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """The training rows of a dataset by their part: clips, narrated videos, silent videos."""

    shards: Shards
    clips: tuple[Row, ...]
    videos: tuple[Row, ...]
    silent: tuple[Row, ...]
    footage: tuple[Row, ...]
    """All silent videos, with a title or without."""
    films: Mapping[str, Row]
    """The video-level row of every video, whose pictures cover all of it."""

    @classmethod
    def select(cls, shards: Shards) -> Corpus:
        """Rows of split train; at video level, those with a title.

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
            silent=tuple(row for row in titled if row.kind == Route.SILENT),
            footage=tuple(row for row in videos if row.kind == Route.SILENT),
            films={row.video_id: row for row in videos},
        )

    @cached_property
    def narrations(self) -> tuple[str, ...]:
        """What is said in each clip."""
        return tuple(row.text or "" for row in self.clips)

    @cached_property
    def phase_runs(self) -> tuple[PhaseRun, ...]:
        """Clips of one video that follow each other in one phase."""
        return phase_runs(self.clips)

    def number(self, clip: Row) -> int:
        """The place of a clip among `clips`."""
        return self._numbers[clip.pair_id]

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {row.pair_id: number for number, row in enumerate(self.clips)}

    @property
    def video_ids(self) -> tuple[str, ...]:
        """Every source video that training may show the model, titled or not."""
        return tuple(sorted({row.video_id for row in self.shards.rows if row.split == Split.TRAIN}))

    @property
    def texts(self) -> list[str]:
        """Every training text once, in the order of the rows."""
        texts = [row.text for row in self.clips] + [row.title for row in self.videos + self.silent]
        return list(dict.fromkeys(text for text in texts if text))
