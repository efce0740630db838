"""Where media files lie, and how a table names them so that the dataset folder can be moved."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from ophvl.errors import ItemError
from schemas.vocab import FailureKind

_BYTES_A_SECOND = 190_000
"""Of a video with 720 lines at about 1.5 Mbit/s."""


@dataclass(frozen=True, kw_only=True)
class MediaFolder:
    """The media of one dataset folder: fetched files inside it, local files wherever they are."""

    root: Path
    revision: str = ""

    @property
    def fetched(self) -> Path:
        """The folder that fetched files go to."""
        return self.root / "media"

    def locate(self, stored: str) -> Path:
        """The file that a `media.path` value names."""
        return self.root / stored

    def make_room(self, reserve_gb: float, duration_s: float | None) -> None:
        """Check that a video of this duration, as far as it is known, fits and leaves `reserve_gb`.

        Raises:
            ItemError: DISK_FULL, with the figures.
        """
        self.fetched.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.fetched).free
        needed = (duration_s or 0.0) * _BYTES_A_SECOND + reserve_gb * 1e9
        if free < needed:
            raise ItemError(
                FailureKind.DISK_FULL,
                f"{free / 1e9:.1f} GB are free in {self.fetched}, but the next video and the reserve "
                f"(download.reserve_gb) take {needed / 1e9:.1f} GB",
            )

    def discard(self, video_id: str) -> None:
        """Remove all that was fetched of a video, and what was made of it."""
        for path in self.fetched.glob(f"{video_id}.*"):
            path.unlink()

    def name(self, path: Path) -> str:
        """The `media.path` value for a file: relative when it lies in the dataset folder."""
        if path.is_relative_to(self.root):
            return str(path.relative_to(self.root))
        return str(path)
