"""Watches a video come in. In: what yt-dlp says of it. Out: nothing, or the `ItemError` that ends it."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

from ophvl.atomic_io import write_text
from ophvl.download.yt_dlp.errors import item_error
from ophvl.download.yt_dlp.records import Info, seconds_of, text_of
from schemas.vocab import FailureKind

_NOTE = ".size.part"
"""Suffix of a note beside a part: how long its file was said to be when the part was begun."""


@dataclass(kw_only=True)
class Transfer:
    """The transfer of the video behind `url` to `directory`, perhaps in several files.

    It ends as soon as it is larger than `max_bytes`, or would leave less than `reserve_bytes` of the disk,
    and when fewer than `slow_bytes_a_second` came over `slow_s`.
    """

    url: str
    directory: Path
    max_bytes: float | None
    reserve_bytes: float
    slow_bytes_a_second: float
    slow_s: float
    _here: dict[str, float] = field(default_factory=dict)
    _sizes: dict[str, float] = field(default_factory=dict)
    _came: float = 0.0
    _mark: tuple[float, float] | None = None

    def watch(self, progress: Info) -> None:
        """A progress hook of yt-dlp."""
        file = text_of(progress, "filename") or ""
        here = seconds_of(progress.get("downloaded_bytes")) or 0.0
        total = seconds_of(progress.get("total_bytes")) or 0.0
        if progress.get("status") == "finished" and file not in self._here:
            here = total  # An earlier try had all of it.
        else:
            self._refuse_another(progress, file)
        self._sizes[file] = max(here, total)
        self._refuse_large()
        self._leave_room(max(0.0, total - here))
        self._came += max(0.0, here - self._here.get(file, 0.0))
        self._here[file] = here
        self._refuse_slow()

    def _refuse_another(self, progress: Info, file: str) -> None:
        """Drop a part whose file has changed on the server: two halves that do not fit look like a video."""
        extent = _extent(progress)
        # Of a file in fragments the number is told while it comes, the bytes at its end.
        ended = progress.get("status") == "finished" and file in self._here
        if extent is None or ended:
            return
        note = Path(f"{file}{_NOTE}")
        if not note.exists():
            write_text(note, extent)
        elif note.read_text(encoding="utf-8") != extent:
            path = Path(file)
            for part in path.parent.iterdir():
                if part.name.startswith(path.name):
                    part.unlink()
            said = "its file has changed on the server since a part of it was fetched; the part is dropped"
            raise item_error(FailureKind.TRUNCATED, self.url, said)

    def _refuse_large(self) -> None:
        size = sum(self._sizes.values())  # Picture and sound may come as files of their own.
        if self.max_bytes is not None and size > self.max_bytes:
            said = f"it has {size / 1e9:.3g} GB or more, the limit is {self.max_bytes / 1e9:.3g}"
            raise item_error(FailureKind.TOO_LARGE, self.url, said)

    def _leave_room(self, to_come: float) -> None:
        free = shutil.disk_usage(self.directory).free
        if free < to_come + self.reserve_bytes:
            said = (
                f"{free / 1e9:.3g} GB are free in {self.directory}, but what is to come of it and the "
                f"reserve (download.reserve_gb) take {(to_come + self.reserve_bytes) / 1e9:.3g} GB"
            )
            raise item_error(FailureKind.DISK_FULL, self.url, said)

    def _refuse_slow(self) -> None:
        now = time.monotonic()
        began, had = self._mark or (now, self._came)
        lasted_s, came = now - began, self._came - had
        if lasted_s < self.slow_s:
            self._mark = (began, had)
            return
        if came < self.slow_bytes_a_second * lasted_s:
            said = f"only {came:.0f} bytes came in {lasted_s:.0f} s"
            raise item_error(FailureKind.TIMEOUT, self.url, said)
        self._mark = (now, self._came)


def _extent(progress: Info) -> str | None:
    """How long a file is said to be, where it is."""
    for unit in ("fragment_count", "total_bytes"):
        if seconds_of(progress.get(unit)) is not None:
            return f"{progress[unit]} {unit}"
    return None
