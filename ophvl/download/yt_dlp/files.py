"""The files of one video during its download. In: a folder and the video's id. Out: `<video_id>.<ext>`, once
it is complete.

Until then each file is named by its format, so that none is resumed with the bytes of another format.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PARTIAL = re.compile(r"^\.(temp|f[^.]*)\.|\.(part|ytdl)\b", re.IGNORECASE)
"""What follows the id in the name of a partial file or a single format, also of earlier versions."""

_COMPLETE = re.compile(r"\.[^.]+")
"""The suffix of a complete video; a proxy or extracted sound has two suffixes."""


@dataclass(frozen=True)
class VideoFiles:
    """The files of the video `video_id` in `directory`."""

    directory: Path
    video_id: str

    @property
    def template(self) -> str:
        """File name template for yt-dlp. Many pages number their formats, so the height is added."""
        return f"{self.video_id}.f%(format_id).50s-%(height)s.%(ext)s"

    def complete(self) -> Path | None:
        """Return the video, if an earlier attempt completed it."""
        paths = (path for path in self._all() if _COMPLETE.fullmatch(self._suffix(path)))
        return next((path for path in paths if not _PARTIAL.search(self._suffix(path))), None)

    def rename_complete(self, path: Path) -> Path:
        """Give a file that yt-dlp completed the video's name."""
        return path.replace(self.directory / f"{self.video_id}{path.suffix}")

    def remove_all_but(self, retained: Path) -> None:
        """Remove all files but one, also what was derived from an earlier file."""
        for path in self._all():
            if path != retained:
                path.unlink(missing_ok=True)

    def remove_partial(self) -> None:
        """Remove partial files of all formats; a complete video stays."""
        for path in self._all():
            if _PARTIAL.search(self._suffix(path)):
                path.unlink(missing_ok=True)

    def exceed_free_space(self) -> bool:
        """Return whether joining the files would need more disk space than is free."""
        paths = [path for path in self._all() if ".temp." not in path.name]
        size = sum(path.stat().st_size for path in paths)
        return bool(paths) and shutil.disk_usage(self.directory).free < size

    def _all(self) -> Iterator[Path]:
        return iter(sorted(self.directory.glob(f"{self.video_id}.*")))

    def _suffix(self, path: Path) -> str:
        return path.name.removeprefix(self.video_id)
