"""The media files of a dataset folder, and their names in tables, which survive moving the folder."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ophvl.errors import ItemError, UsageError
from ophvl.ports import MediaFile
from schemas.vocab import FailureKind, MediaForm

_SUFFIXES = {MediaForm.PROXY: ".proxy.mp4", MediaForm.AUDIO: ".audio.m4a"}

BYTES_A_SECOND = 190_000.0
"""Estimate for a video of 720 lines at about 1.5 Mbit/s, until better data are there."""


@dataclass(frozen=True, kw_only=True)
class MediaFolder:
    """The media files of one dataset folder: downloaded ones inside it, local ones wherever they are."""

    root: Path
    revision: str = ""

    @property
    def fetched(self) -> Path:
        """The folder of downloaded files."""
        return self.root / "media"

    def is_fetched(self, stored: str) -> bool:
        """Return whether a `media.path` value names a downloaded file, not one of the user's."""
        return not Path(stored).is_absolute()

    def path(self, stored: str, form: MediaForm) -> Path:
        """Return the path of a file or of its replacement; form ALL is the file that `media.path` names."""
        original = self.root / stored
        if form is MediaForm.ALL:
            return original
        return original.with_name(original.stem + _SUFFIXES[form])

    def present(self, stored: str) -> list[MediaForm]:
        """Return the forms of a file that exist, the most complete first, those left by a crash included."""
        forms = list(MediaForm) if self.is_fetched(stored) else [MediaForm.ALL]
        return [form for form in forms if self.path(stored, form).exists()]

    def sound(self, media: Mapping[str, Any]) -> MediaFile:
        """Return the file to decode sound from, for a row of table `media`."""
        return self._file(media, next(iter(self.present(media["path"])), MediaForm.ALL))

    def pictures(self, media: Mapping[str, Any]) -> MediaFile:
        """Return the file to decode pictures from, for a row of table `media`.

        Raises:
            UsageError: only the sound is left.
        """
        form = next(iter(self.present(media["path"])), MediaForm.ALL)
        if form is MediaForm.AUDIO:
            raise UsageError(
                f"of {media['path']} only the sound was kept (--keep-media audio), so there are no pictures "
                "to make pairs of; fetch the videos again into another folder, and keep proxies there"
            )
        return self._file(media, form)

    def _file(self, media: Mapping[str, Any], form: MediaForm) -> MediaFile:
        path = self.path(media["path"], form)
        if form is not MediaForm.ALL:
            return MediaFile(path)  # A proxy has one clock and one audio stream.
        return MediaFile(path, media["audio_stream"] or 0, media["clock_jumps"] or 0)

    def make_room(self, reserve_gb: float, duration_s: float | None) -> None:
        """Check that there is disk space for a video of this duration, if known, and for `reserve_gb`.

        Raises:
            ItemError: DISK_FULL, with the figures.
        """
        self.fetched.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.fetched).free
        # Twice: separate video and audio files exist beside the file that they are joined to.
        needed = 2 * (duration_s or 0.0) * BYTES_A_SECOND + reserve_gb * 1e9
        if free < needed:
            raise ItemError(
                FailureKind.DISK_FULL,
                f"{free / 1e9:.1f} GB are free in {self.fetched}, but the next video and the reserve "
                f"(download.reserve_gb) take {needed / 1e9:.1f} GB",
            )

    def discard(self, video_id: str) -> None:
        """Remove all downloaded files of a video, and those made from them."""
        for path in self.fetched.glob(f"{video_id}.*"):
            path.unlink()

    def name(self, path: Path) -> str:
        """Return the `media.path` value of a downloaded file; a user's file has its absolute path there."""
        return str(path.relative_to(self.root))
