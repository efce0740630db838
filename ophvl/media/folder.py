"""Where media files lie, and how a table names them so that the dataset folder can be moved."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from ophvl.errors import ItemError, UsageError
from schemas.vocab import FailureKind, MediaForm

_ENDS = {MediaForm.PROXY: ".proxy.mp4", MediaForm.AUDIO: ".audio.m4a"}

BYTES_A_SECOND = 190_000.0
"""Of a video with 720 lines at about 1.5 Mbit/s: until there is something better to go by."""


@dataclass(frozen=True, kw_only=True)
class MediaFolder:
    """The media of one dataset folder: fetched files inside it, local files wherever they are."""

    root: Path
    revision: str = ""

    @property
    def fetched(self) -> Path:
        """The folder that fetched files go to."""
        return self.root / "media"

    def is_fetched(self, stored: str) -> bool:
        """Whether a `media.path` value names a file of ours, not one of the user's."""
        return not Path(stored).is_absolute()

    def path(self, stored: str, form: MediaForm) -> Path:
        """Where a file lies, or what stands in for it: ALL is the file that a `media.path` value names."""
        whole = self.root / stored
        if form is MediaForm.ALL:
            return whole
        return whole.with_name(whole.stem + _ENDS[form])

    def present(self, stored: str) -> list[MediaForm]:
        """What is left of a file, the fullest form first. What a crash left behind counts too."""
        forms = list(MediaForm) if self.is_fetched(stored) else [MediaForm.ALL]
        return [form for form in forms if self.path(stored, form).exists()]

    def sound(self, stored: str) -> Path:
        """The file to hear."""
        return self.path(stored, next(iter(self.present(stored)), MediaForm.ALL))

    def pictures(self, stored: str) -> Path:
        """The file to look at.

        Raises:
            UsageError: the sound alone was kept.
        """
        form = next(iter(self.present(stored)), MediaForm.ALL)
        if form is MediaForm.AUDIO:
            raise UsageError(
                f"of {stored} only the sound was kept (--keep-media audio), so there are no pictures to "
                "make pairs of; fetch the videos again into another folder, and keep proxies there"
            )
        return self.path(stored, form)

    def make_room(self, reserve_gb: float, duration_s: float | None) -> None:
        """Check that a video of this duration, as far as it is known, fits and leaves `reserve_gb`.

        Raises:
            ItemError: DISK_FULL, with the figures.
        """
        self.fetched.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.fetched).free
        # Twice: picture and sound that come apart lie beside the file that they are joined to.
        needed = 2 * (duration_s or 0.0) * BYTES_A_SECOND + reserve_gb * 1e9
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
        """The `media.path` value for a file of ours; one of the user's goes by its absolute path."""
        return str(path.relative_to(self.root))
