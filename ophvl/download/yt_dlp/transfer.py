"""Limits on a running transfer. In: yt-dlp's progress reports. Out: nothing, or an `ItemError`."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

from ophvl.atomic_io import write_text
from ophvl.download.yt_dlp.errors import item_error
from ophvl.download.yt_dlp.records import Info, number_of, text_of
from schemas.vocab import FailureKind

_SIZE_SUFFIX = ".size.part"
"""Suffix of the file that records the announced size of a partial file when its transfer began."""


@dataclass(kw_only=True)
class Transfer:
    """The transfer of the video behind `url` to `directory`, in one or more files.

    It fails as soon as it is larger than `max_bytes`, would leave less than `reserve_bytes` of disk space,
    or brings fewer than `slow_bytes_a_second` over `slow_s`.
    """

    url: str
    directory: Path
    max_bytes: float | None
    reserve_bytes: float
    slow_bytes_a_second: float
    slow_s: float
    _received: dict[str, float] = field(default_factory=dict)
    """Bytes of each file so far, those of earlier attempts included."""
    _sizes: dict[str, float] = field(default_factory=dict)
    _transferred: float = 0.0
    """Bytes of all files in this attempt."""
    _checked: tuple[float, float] | None = None
    """Time (s) and transferred bytes when the speed was last checked."""

    def on_progress(self, progress: Info) -> None:
        """Check the limits; a progress hook for yt-dlp."""
        file = text_of(progress, "filename") or ""
        received = number_of(progress.get("downloaded_bytes")) or 0.0
        total = number_of(progress.get("total_bytes")) or 0.0
        if progress.get("status") == "finished" and file not in self._received:
            received = total  # An earlier attempt completed it.
        else:
            self._refuse_changed_file(progress, file)
        self._sizes[file] = max(received, total)
        self._refuse_large()
        self._refuse_full_disk(max(0.0, total - received))
        self._transferred += max(0.0, received - self._received.get(file, 0.0))
        self._received[file] = received
        self._refuse_slow()

    def _refuse_changed_file(self, progress: Info, file: str) -> None:
        """Remove a partial file that has changed on the server: two mismatched halves look like a video."""
        size = _announced_size(progress)
        # A file in fragments has their number at first, and its bytes at its end.
        ended = progress.get("status") == "finished" and file in self._received
        if size is None or ended:
            return
        record = Path(f"{file}{_SIZE_SUFFIX}")
        if not record.exists():
            write_text(record, size)
        elif record.read_text(encoding="utf-8") != size:
            path = Path(file)
            for part in path.parent.iterdir():
                if part.name.startswith(path.name):
                    part.unlink()
            reason = "its file has changed on the server since a part of it was fetched; the part is dropped"
            raise item_error(FailureKind.TRUNCATED, self.url, reason)

    def _refuse_large(self) -> None:
        size = sum(self._sizes.values())  # Video and audio may be separate files.
        if self.max_bytes is not None and size > self.max_bytes:
            reason = f"it has {size / 1e9:.3g} GB or more, the limit is {self.max_bytes / 1e9:.3g}"
            raise item_error(FailureKind.TOO_LARGE, self.url, reason)

    def _refuse_full_disk(self, missing: float) -> None:
        free = shutil.disk_usage(self.directory).free
        if free < missing + self.reserve_bytes:
            reason = (
                f"{free / 1e9:.3g} GB are free in {self.directory}, but the rest of the video and the "
                f"reserve (download.reserve_gb) take {(missing + self.reserve_bytes) / 1e9:.3g} GB"
            )
            raise item_error(FailureKind.DISK_FULL, self.url, reason)

    def _refuse_slow(self) -> None:
        now = time.monotonic()
        start_s, before = self._checked or (now, self._transferred)
        duration_s, transferred = now - start_s, self._transferred - before
        if duration_s < self.slow_s:
            self._checked = (start_s, before)
            return
        if transferred < self.slow_bytes_a_second * duration_s:
            reason = f"only {transferred:.0f} bytes came in {duration_s:.0f} s"
            raise item_error(FailureKind.TIMEOUT, self.url, reason)
        self._checked = (now, self._transferred)


def _announced_size(progress: Info) -> str | None:
    """Return the announced number of fragments or bytes of a file, if there is one."""
    for unit in ("fragment_count", "total_bytes"):
        if number_of(progress.get(unit)) is not None:
            return f"{progress[unit]} {unit}"
    return None
