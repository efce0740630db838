"""The files of one video while it is fetched. In: a folder and the video's id. Out: `<video_id>.<ext>`, once
it is whole.

Until then all that yt-dlp writes is named by its format: no part is resumed with the bytes of another.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PIECE = re.compile(r"^\.(temp|f[^.]*)\.|\.(part|ytdl)\b", re.IGNORECASE)
"""Named by a format, or a part: after the id. The other names are those of earlier versions."""

_WHOLE = re.compile(r"\.[^.]+")
"""A proxy or a sound made of a video has a name of two parts."""


@dataclass(frozen=True)
class VideoFiles:
    """What lies in `directory` of the video `video_id`."""

    directory: Path
    video_id: str

    @property
    def template(self) -> str:
        """What yt-dlp is to name its files by. The formats of many pages have numbers alone, best last."""
        return f"{self.video_id}.f%(format_id).50s-%(height)s.%(ext)s"

    def whole(self) -> Path | None:
        """The video, if an earlier try had all of it."""
        whole = (path for path in self._all() if _WHOLE.fullmatch(self._end(path)))
        return next((path for path in whole if not _PIECE.search(self._end(path))), None)

    def settle(self, path: Path) -> Path:
        """Give a file that yt-dlp finished the video's name."""
        return path.replace(self.directory / f"{self.video_id}{path.suffix}")

    def keep_only(self, kept: Path) -> None:
        """Remove all but one: also what was made of an earlier file."""
        for path in self._all():
            if path != kept:
                path.unlink(missing_ok=True)

    def drop_pieces(self) -> None:
        """Remove what yt-dlp left, in whatever format; what an earlier try had whole stays."""
        for path in self._all():
            if _PIECE.search(self._end(path)):
                path.unlink(missing_ok=True)

    def fill_the_disk(self) -> bool:
        """Whether there is less room than the pieces take, as much as they take when joined."""
        pieces = [path for path in self._all() if ".temp." not in path.name]
        size = sum(path.stat().st_size for path in pieces)
        return bool(pieces) and shutil.disk_usage(self.directory).free < size

    def _all(self) -> Iterator[Path]:
        return iter(sorted(self.directory.glob(f"{self.video_id}.*")))

    def _end(self, path: Path) -> str:
        return path.name.removeprefix(self.video_id)
