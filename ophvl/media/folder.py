"""Where media files lie, and how a table names them so that the dataset folder can be moved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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

    def discard(self, video_id: str) -> None:
        """Remove all that was fetched of a video, and what was made of it."""
        for path in self.fetched.glob(f"{video_id}.*"):
            path.unlink()

    def name(self, path: Path) -> str:
        """The `media.path` value for a file: relative when it lies in the dataset folder."""
        if path.is_relative_to(self.root):
            return str(path.relative_to(self.root))
        return str(path)
