"""A downloader that stays within the rate limit of each host, and sends nothing to one that refuses us."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ophvl.download.rate_limiter import RateLimiter, host_of
from ophvl.ports import Downloader, FetchedVideo, VideoMetadata


@dataclass(frozen=True, kw_only=True)
class RateLimitedDownloader:
    """Another downloader (`ophvl.ports.Downloader`), whose calls wait for the rate limiter."""

    inner: Downloader
    limiter: RateLimiter

    @property
    def revision(self) -> str:
        """Revision of the other downloader."""
        return self.inner.revision

    def expand(self, url: str) -> list[VideoMetadata]:
        """Return the videos that a URL leads to.

        Raises:
            ItemError: as the other downloader.
            HostClosedError: the host wants no requests for now; none was sent.
        """
        with self.limiter.request(url):
            return self.inner.expand(url)

    def fetch(self, url: str, directory: Path, video_id: str) -> FetchedVideo:
        """Fetch one video; raises as `expand`."""
        with self.limiter.request(url):
            fetched = self.inner.fetch(url, directory, video_id)
            if fetched.refusal is not None:
                self.limiter.refused(host_of(url), fetched.refusal)
        return fetched
