"""A downloader that keeps the pace of each host, and stops asking one that refuses us."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ophvl.download.rate_limiter import Pacer, host_of
from ophvl.ports import Downloader, Fetched, Found


@dataclass(frozen=True, kw_only=True)
class PacedDownloader:
    """Another downloader (`ophvl.ports.Downloader`), asked at the pace that each host bears."""

    inner: Downloader
    pacer: Pacer

    @property
    def revision(self) -> str:
        return self.inner.revision

    def expand(self, url: str) -> list[Found]:
        """The videos that a URL leads to.

        Raises:
            ItemError: as the other downloader.
            HostClosedError: the host wants no requests for now; it was not asked.
        """
        with self.pacer.asking(url):
            return self.inner.expand(url)

    def fetch(self, url: str, directory: Path, video_id: str) -> Fetched:
        """Fetch one video; raises as `expand`."""
        with self.pacer.asking(url):
            fetched = self.inner.fetch(url, directory, video_id)
            if fetched.refusal is not None:
                self.pacer.refused(host_of(url), fetched.refusal)
        return fetched
